"""What is known against our code and the packages it uses: `make audit`.

bandit reads the code; what it need not tell stands with its reason in `pyproject.toml`. pip-audit
asks PyPI which vulnerabilities of the locked packages are known. Only the standard library is
imported here: the tools are in an environment of their own.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

OURS = ("shared", "services", "deploy")
TOOLS = Path(sys.executable).parent
UNREACHED = "PyPI can't be asked for known vulnerabilities from here: no package was looked at."


def main() -> int:
    """1 when something was found. What could not be asked is told, and counts as nothing found."""
    bandit = [
        str(TOOLS / "bandit"),
        "--quiet",
        "--configfile",
        "pyproject.toml",
        "--recursive",
        *OURS,
    ]
    code = subprocess.run(bandit, check=False).returncode  # noqa: S603 - our own command
    packages = _known_of(_locked(Path("uv.lock")))
    vulnerable = [
        f"{package['name']} {package['version']}: {one['id']}, fixed in {one['fix_versions']}"
        for package in packages
        for one in package.get("vulns", ())
    ]
    skipped = [package["name"] for package in packages if "vulns" not in package]
    if len(skipped) == len(packages):
        print(UNREACHED)
    else:
        looked_at = len(packages) - len(skipped)
        print(f"{len(vulnerable)} known vulnerabilities in {looked_at} packages.")
        print(*vulnerable, sep="\n")
        print(f"PyPI does not know: {', '.join(skipped) or 'none'}.")
    return code or int(bool(vulnerable))


def _locked(lock: Path) -> dict[str, str]:
    """Name and version of every package that comes from a registry."""
    packages = tomllib.loads(lock.read_text("utf-8"))["package"]
    return {one["name"]: one["version"] for one in packages if "registry" in one["source"]}


def _known_of(locked: dict[str, str]) -> list[dict[str, Any]]:
    """What pip-audit tells of each package; without `vulns` where nobody could be asked."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{name}=={version}\n" for name, version in locked.items()))
        file.flush()
        command = [str(TOOLS / "pip-audit"), "--requirement", file.name]
        command += ["--no-deps", "--disable-pip"]
        command += ["--format", "json", "--progress-spinner", "off", "--timeout", "15"]
        told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        answer: list[dict[str, Any]] = json.loads(told.stdout)["dependencies"]
    except ValueError:
        if "ConnectionError" not in told.stderr:
            raise SystemExit(f"pip-audit gave no answer: {told.stderr.strip()[-200:]}") from None
        return [{"name": name} for name in locked]
    return answer


if __name__ == "__main__":
    sys.exit(main())
