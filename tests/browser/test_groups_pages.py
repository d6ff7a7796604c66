"""Groups: the list, the form of a new group, one group, and the decision of a held step."""

from playwright.sync_api import expect

from support.dashboard_page import PHONE, Dashboard, OpenPage, no_horizontal_scroll


def test_a_group_is_created_from_names_and_cancelled_after_a_dry_run(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    page = open_page("/ui/groups")
    row = page.get_by_role("row", name="Needs a decision")
    expect(row).to_contain_text("after a decision")
    expect(page.get_by_role("table", name="Groups")).to_contain_text("<img src=x onerror=alert(1)>")
    page.locator("h1").focus()
    page.keyboard.press("n")
    form = page.get_by_role("dialog", name="New group")
    form.get_by_label("Name", exact=True).fill("from names")
    form.get_by_label("Subreddits").fill("r/pasted_a pasted_b\npasted_c, pasted_a")
    form.get_by_label("Order").select_option("chain")
    form.get_by_text("Upstreams of each step").click()
    form.get_by_label("pasted_c after").fill("all")
    form.get_by_label("If a crawl before it").select_option("hold")
    form.get_by_role("button", name="Create 3 steps").click()
    expect(page.get_by_role("heading", name="from names")).to_be_visible()
    group_id = int(page.url.rsplit("/", 1)[1])
    steps = dashboard.client.get(f"/api/admin/groups/{group_id}/steps").json()["items"]
    waits = {step["key"]: [wait["key"] or wait["all"] for wait in step["waits"]] for step in steps}
    assert waits == {"pasted_a": [], "pasted_b": ["pasted_a"], "pasted_c": [True]}
    assert steps[1]["on_upstream_failure"] == "hold"

    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Cancel", exact=True).click()
    panel = page.get_by_role("dialog", name="Cancel: from names")
    expect(panel.get_by_text("3 steps: 3 cancelled.")).to_be_visible()
    panel.get_by_role("button", name="Cancel 3").click()
    expect(page.get_by_role("link", name="Audit row")).to_be_visible()
    expect(page.locator("main .lead")).to_contain_text("cancelled")


def test_a_held_step_is_explained_and_proceeds_from_its_row(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    assert dashboard.client is not None
    path = f"/ui/groups/{dashboard.seeded.held_group}"
    page = open_page(path, width=PHONE, theme="dark")
    expect(page.get_by_role("img", name="Steps: Skipped 1, In progress 1")).to_be_visible()
    expect(page.get_by_text("1 step waits for the decision of an operator.")).to_be_visible()
    no_horizontal_scroll(page)
    page.get_by_role("button", name="Why is choice held?").click()
    why = page.get_by_role("dialog", name="Step choice")
    expect(why.get_by_role("table", name="Upstreams")).to_contain_text("503 from Reddit")
    why.get_by_role("button", name="Close").last.click()
    page.get_by_role("button", name="Proceed with choice").click()
    panel = page.get_by_role("dialog", name="Proceed: step choice")
    expect(panel.get_by_text("The step would be pending.")).to_be_visible()
    panel.get_by_role("button", name="Proceed 1").click()
    expect(page.get_by_role("button", name="Proceed with choice")).to_have_count(0)
    step = dashboard.client.get(f"/api/admin{path[3:]}/steps/choice").json()
    assert step["state"] == "pending"


def test_the_graph_is_walked_by_keys_and_a_large_group_shows_stages(
    open_page: OpenPage, dashboard: Dashboard
) -> None:
    page = open_page(f"/ui/groups/{dashboard.seeded.held_group}?view=graph")
    drawing = page.get_by_role("group", name="Graph of the steps")
    expect(drawing.locator("[data-node]")).to_have_count(8)  # 6 steps, and 2 jobs of others
    drawing.get_by_role("button", name="bonsai, enqueued").focus()
    page.keyboard.press("ArrowRight")
    second = drawing.get_by_role("button", name="second, pending, after bonsai")
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Step second")).to_contain_text("It follows job")
    page.keyboard.press("Escape")
    page.get_by_text("Table", exact=True).click()
    twin = page.get_by_role("table", name="Graph of group")
    expect(twin.get_by_role("row", name="later pending")).to_contain_text("second")
    page.get_by_role("button", name="Time line").click()
    expect(page.get_by_role("figure", name="Ended steps over time")).to_be_visible()
    large = dashboard.seeded.large_group
    page.goto(f"{dashboard.url}/ui/groups/{large}?view=graph")
    expect(page.get_by_role("table", name="Stages").get_by_role("row")).to_have_count(81)
    no_horizontal_scroll(page)
