"""Two supervisors over the same data would be two of everything."""

from tests.support.product import Product, free_port, local


def test_the_same_data_are_served_once(product: Product) -> None:
    answer = local("serve", product.folder / "data", PREREVIEW_PORT=str(free_port()))
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "already running" in answer.stderr
