"""The keys of the pages."""

from playwright.sync_api import Page, expect
from tests.browser.seeds import RUNS

RUN = f"/runs/TR-{RUNS:04}"


def focused(page: Page) -> str:
    """Return the text of the element with the focus."""
    return str(page.evaluate("document.activeElement.textContent")).strip()


def test_slash_moves_the_focus_to_the_search(page: Page) -> None:
    page.goto(RUN)
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("dip")
    page.keyboard.press("Enter")
    expect(page).to_have_url("/search?q=dip")


def test_keys_are_text_while_typing(page: Page) -> None:
    page.goto(RUN)
    page.locator("#q").click()
    page.keyboard.type("jfku?")
    expect(page.locator("#q")).to_have_value("jfku?")
    expect(page).to_have_url(RUN)


def test_j_and_k_move_the_focus_and_enter_opens(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("j")
    page.evaluate("window.first = document.activeElement")
    assert page.evaluate("first.matches('main a')")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement !== first && document.activeElement.matches('main a')")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement === first")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/TR-*")


def test_f_moves_through_the_failures(page: Page) -> None:
    page.goto(RUN)
    titles = page.locator(".failure .title").all_text_contents()
    assert len(titles) == 2
    seen = []
    for _ in titles:
        page.keyboard.press("f")
        seen.append(focused(page))
    assert seen == [title.strip() for title in titles]
    page.keyboard.press("Shift+F")
    assert focused(page) == titles[0].strip()


def test_o_closes_and_opens_a_card(page: Page) -> None:
    page.goto(RUN)
    card = page.locator("details.card").first
    was_open = card.get_attribute("open") is not None
    page.keyboard.press("o")
    assert (card.get_attribute("open") is not None) != was_open


def test_c_compares_with_the_previous_run_and_u_goes_up(page: Page) -> None:
    page.goto(RUN)
    page.keyboard.press("c")
    page.wait_for_url("**/compare?a=TR-0004&b=TR-0005")
    page.goto(RUN)
    page.keyboard.press("u")
    page.wait_for_url(lambda url: "/runs/" not in url)


def test_question_mark_lists_the_keys(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_keys_with_control_belong_to_the_browser(page: Page) -> None:
    page.goto(RUN)
    page.keyboard.press("Control+u")
    page.keyboard.press("Alt+j")
    expect(page).to_have_url(RUN)
    assert page.evaluate("document.activeElement === document.body")
