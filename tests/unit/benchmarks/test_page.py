from benchmarks.page import BEGIN, END, PAGE, replaced


def test_only_what_is_between_the_markers_changes() -> None:
    page = f"# Speed\n\n{BEGIN}\nold\n{END}\n\nwords\n"
    once = replaced(page, "new")
    assert once == f"# Speed\n\n{BEGIN}\n\nnew\n\n{END}\n\nwords\n"
    assert replaced(once, "new") == once


def test_the_page_has_its_markers_in_order() -> None:
    page = PAGE.read_text("utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert page.index(BEGIN) < page.index(END)
