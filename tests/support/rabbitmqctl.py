"""`rabbitmqctl` at a private node, which no epmd knows."""

import json
import os
import subprocess

from deploy.local.rabbitmq import NODE, RabbitMQ, find_server


def rabbitmqctl(node: RabbitMQ, *arguments: str) -> str:
    """What the command printed; raises when it fails."""
    server = find_server()
    assert server is not None
    ports = json.loads((node.folder.parent / "ports.json").read_text("utf-8"))
    erlang = f"-start_epmd false -dist_listen false -erl_epmd_port {ports['erlang']}"
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(node.folder),  # of the cookie
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CTL_ERL_ARGS": erlang,
    }
    command = [str(server.with_name("rabbitmqctl")), "-n", NODE, "--quiet", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
