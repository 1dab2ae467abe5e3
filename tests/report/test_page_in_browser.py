"""The report page in headless Chromium: what a reader does with mouse, keyboard and phone."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cnndsl
from cnndsl.report.page import page as report

EVIL = "<img src=x onerror=document.title='hacked'>"


@pytest.fixture(scope="module")
def reports(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes the page of an example once."""
    folder = tmp_path_factory.mktemp("reports")

    def written(name: str) -> Path:
        path = folder / f"{Path(name).stem}.html"
        if not path.exists():
            result = cnndsl.check_file(examples / name, select=("all",))
            network = result.networks[0]
            path.write_text(report(network, result.sources, result.diagnostics), encoding="utf-8")
        return path

    return written


@pytest.fixture
def visit(browser: Any, reports: Callable[[str], Path]) -> Iterator[Callable[..., Any]]:
    """Opens the page of an example; in the end nothing may have been said on the console or asked of a network."""
    contexts, complaints = [], []

    def opened(name: str | Path, width: int = 1280, height: int = 900, **options: Any) -> Any:
        path = reports(name) if isinstance(name, str) else name
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        address = path.as_uri()
        page.on(
            "request",
            lambda request: (
                None if request.url in (address,) or request.url.startswith("data:") else complaints.append(request.url)
            ),
        )
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def resnet(examples: Path) -> cnndsl.Network:
    return cnndsl.load(examples / "resnet50.cnn")


def names(page: Any) -> list[str]:
    """The rows of the table that are to be seen, in order."""
    return page.eval_on_selector_all(
        "#layers tbody tr:not([hidden])", "rows => rows.map(row => row.querySelector('.pick').textContent)"
    )


def row(page: Any, name: str) -> Any:
    """The button of the row of that name."""
    return page.locator("#layers").get_by_role("button", name=name, exact=True)


def header(page: Any, name: str) -> Any:
    return page.locator("#layers thead th", has_text=name)


def test_sorting(visit: Callable[..., Any], resnet: cnndsl.Network) -> None:
    page = visit("resnet50.cnn")
    page.click("#unfold")
    layers = list(resnet.layers.values())
    for heading, number in {
        "Parameters": lambda layer: layer.params,
        "MACs": lambda layer: layer.macs,
        "Connections": lambda layer: layer.connections,
        "Output": lambda layer: layer.shape.elements,
        "Receptive field": lambda layer: max(layer.receptive_field),
    }.items():
        header(page, heading).locator("button").click()
        assert header(page, heading).get_attribute("aria-sort") == "descending"
        assert names(page) == [layer.name for layer in sorted(layers, key=lambda layer: -number(layer))]
        header(page, heading).locator("button").click()
        assert header(page, heading).get_attribute("aria-sort") == "ascending"
        assert names(page) == [layer.name for layer in sorted(layers, key=number)]
        assert page.locator("#layers th[aria-sort]").count() == 1
    header(page, "Layer").locator("button").click()
    assert len(names(page)) == len(layers) + 16
    header(page, "Operator").locator("button").click()
    assert names(page)[0].endswith("add1")


def test_folding(visit: Callable[..., Any], resnet: cnndsl.Network) -> None:
    page = visit("resnet50.cnn")
    folded = names(page)
    assert len(folded) == 4 + 16 + 3 and folded[4] == "bottleneck1"
    turn = page.locator("#layers tr[data-block] .turn").first
    assert turn.get_attribute("aria-expanded") == "false"
    turn.click()
    assert turn.get_attribute("aria-expanded") == "true"
    assert names(page) == [
        *folded[:5],
        *(name for name in resnet.layers if name.startswith("bottleneck1.")),
        *folded[5:],
    ]
    page.click("#unfold")
    assert len(names(page)) == len(resnet.layers) + 16
    page.click("#fold")
    assert names(page) == folded
    header(page, "Parameters").locator("button").click()
    assert names(page)[0] == "bottleneck14"  # a folded block counts as a whole
    page.fill("#filter", "maxpool")
    assert names(page) == ["maxpool1"]
    assert page.inner_text("#count") == "1 of 187 layers"


def test_rows_explain(visit: Callable[..., Any], resnet: cnndsl.Network) -> None:
    page = visit("resnet50.cnn")
    row(page, "stem").click()
    stem = resnet.layers["stem"]
    assert page.inner_text("#panel-title") == "stem"
    panel = page.inner_text("#panel-content")
    for number in (stem.params, stem.macs, stem.connections):
        assert f"{number:,}" in panel
    assert "64*3*7*7" in panel
    assert page.locator("#layers tr.chosen").count() == 1
    assert page.locator(".glyph.chosen").count() >= 1
    page.click("#next")
    assert page.inner_text("#panel-title") == "batchnorm1"
    row(page, "bottleneck3").click()
    assert page.locator(".members button").count() == 11
    page.locator(".members button").nth(3).click()
    assert page.inner_text("#panel-title") == "bottleneck3.conv2"
    page.click("#close")
    assert page.inner_text("#panel-title") == "Layer" and page.locator(".chosen").count() == 0


def test_boxes_explain(visit: Callable[..., Any], resnet: cnndsl.Network) -> None:
    page = visit("resnet50.cnn")
    box = page.locator(".picture:not([hidden]) .glyph[data-layers]").first
    box.click()
    assert json.loads(box.get_attribute("data-layers")) == ["stem", "batchnorm1", "relu1"]
    assert page.inner_text("#panel-title") == "stem, batchnorm1, relu1"
    assert page.locator(".members button").count() == 3
    page.get_by_role("button", name="Graph", exact=True).click()
    page.locator(".picture:not([hidden]) .glyph[data-layers]").first.click()
    assert page.inner_text("#panel-title") == "stem"
    page.get_by_role("button", name="Graph, every layer").click()
    assert page.locator(".picture:not([hidden]) .glyph[data-layers]").count() > 20
    deep = page.locator(".picture:not([hidden]) .glyph[data-layers*='bottleneck1.conv2']").first
    deep.focus()
    page.keyboard.press("Enter")
    assert page.inner_text("#panel-title") == "bottleneck1.conv2"
    assert f"{resnet.layers['bottleneck1.conv2'].macs:,}" in page.inner_text("#panel-content")
    page.keyboard.press("Escape")
    assert deep.evaluate("box => box === document.activeElement")


def test_lines_choose_their_layers(visit: Callable[..., Any], resnet: cnndsl.Network) -> None:
    page = visit("resnet50.cnn")
    page.locator(".source tr").nth(19).locator("code").click()  # line 19, below the heading: the stem
    assert page.inner_text("#panel-title") == "Line 19"
    assert page.locator(".members button").all_inner_texts()[0].startswith("stem")
    assert page.locator(".members button").count() == 3
    assert page.locator("#layers tr.chosen").count() == 3
    page.locator(".source .shapes").nth(1).click()  # line 6, in a block that is used 16 times
    assert page.inner_text("#panel-title") == "Line 6"
    assert page.locator(".members button").count() == 3 * 16


def test_keyboard_alone(visit: Callable[..., Any]) -> None:
    page = visit("lenet.cnn")
    focused = "() => document.activeElement"
    page.keyboard.press("Tab")
    assert page.evaluate(f"({focused})().className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(f"({focused})().getAttribute('class')"))
        if stops[-1] == "pick":
            break
    assert stops.count("shapes") == stops.count("glyph") == stops.count("pick") == 1  # one stop a part
    assert page.evaluate(f"getComputedStyle(({focused})()).outlineStyle") == "solid"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(f"({focused})().textContent") == "avgpool1"
    page.keyboard.press("Enter")
    assert page.inner_text("#panel-title") == page.evaluate(f"({focused})().textContent") == "avgpool1"
    page.keyboard.press("Escape")
    assert page.evaluate(f"({focused})().textContent") == "avgpool1"
    page.keyboard.press("Tab")
    assert page.evaluate(f"({focused})().getAttribute('role')") == "slider"  # the first chart
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(f"({focused})().getAttribute('aria-valuetext')") == "dense3: 850 parameters"
    page.keyboard.press("Enter")
    assert page.inner_text("#panel-title") == "dense3"


def test_blocks_fold_by_arrows(visit: Callable[..., Any]) -> None:
    page = visit("resnet50.cnn")
    row(page, "bottleneck2").focus()
    before = len(names(page))
    page.keyboard.press("ArrowRight")
    assert len(names(page)) == before + 11
    page.keyboard.press("ArrowLeft")
    assert len(names(page)) == before
    assert page.evaluate("document.activeElement.textContent") == "bottleneck2"


def test_charts_show_numbers(visit: Callable[..., Any], resnet: cnndsl.Network) -> None:
    page = visit("resnet50.cnn")
    layers = list(resnet.layers.values())
    index = 120
    readings = {
        "params": f"{layers[index].params:,} parameters",
        "macs": f"{layers[index].macs:,} MACs",
        "field": "x".join(map(str, layers[index].receptive_field)),
    }
    plot = page.locator(".chart[data-series=macs] .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] * (index + 0.5) / len(layers), box["y"] + 20)
    for series, expected in readings.items():
        said = page.inner_text(f".chart[data-series={series}] .about")
        assert said.startswith(f"{layers[index].name}: {expected}"), said
    page.mouse.click(box["x"] + box["width"] * (index + 0.5) / len(layers), box["y"] + 20)
    assert page.inner_text("#panel-title") == layers[index].name
    page.mouse.move(5, 5)
    assert page.inner_text(".chart[data-series=macs] .about").startswith("largest: ")
    assert page.locator(".peak").count() == 1


def background(page: Any) -> int:
    """How light the page is, 0 to 255."""
    return page.evaluate("Math.min(...getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number))")


def fills(page: Any) -> list[str]:
    return page.eval_on_selector_all(".picture .glyph rect", "boxes => boxes.map(box => getComputedStyle(box).fill)")


def test_dark(visit: Callable[..., Any]) -> None:
    light, dark = visit("lenet.cnn", color_scheme="light"), visit("lenet.cnn", color_scheme="dark")
    assert background(light) > 200 and background(dark) < 40
    colours = fills(light), fills(dark)
    assert colours[0] != colours[1]
    for page, other in ((light, dark), (dark, light)):
        pressed = page.get_attribute("#theme", "aria-pressed")
        page.click("#theme")
        assert page.get_attribute("#theme", "aria-pressed") != pressed
        assert fills(page) == colours[1 if page is light else 0], other
    assert background(light) < 40 and background(dark) > 200
    light.click("#theme")
    assert background(light) > 200 and fills(light) == colours[0]


@pytest.mark.parametrize("name", ["lenet.cnn", "resnet50.cnn", "zoo/unet.cnn", "video.cnn"])
def test_phone(visit: Callable[..., Any], name: str) -> None:
    page = visit(name, 360, 740)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert not page.is_visible("#panel")
    page.locator("#layers .pick").first.click()
    assert page.is_visible("#panel")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    panel = page.locator("#panel").bounding_box()
    assert (panel["x"], panel["width"], round(panel["y"] + panel["height"])) == (0, 360, 740)
    page.keyboard.press("Escape")
    assert not page.is_visible("#panel")


CUT = """() => {
  const cut = [];
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    if (!element.getClientRects().length || element.closest("svg, .hidden, .explained thead")) continue;
    const beyond = (inner, outer, overflow, more) => {
      if (inner - outer > 1 && overflow !== "visible" && !element.classList.contains(more))
        cut.push([element.tagName, element.className, inner, outer]);
    };
    beyond(element.scrollWidth, element.clientWidth, style.overflowX, "more-right");
    beyond(element.scrollHeight, element.clientHeight, style.overflowY, "more-below");
    if (element.matches(".region.more-right") && !element.nextElementSibling.matches(".more:not([hidden])"))
      cut.push(["no words", element.className]);
    const box = element.getBoundingClientRect();
    if (!element.closest(".region, nav, #panel") && (box.left < -0.5 || box.right > innerWidth + 0.5))
      cut.push(["outside", element.className, box.left, box.right]);
  }
  return cut;
}"""
"""What is larger than its place and does not show that it goes on: it fades there, and says so."""


@pytest.mark.parametrize("width", [360, 820, 1440])
@pytest.mark.parametrize("name", ["lenet.cnn", "resnet50.cnn", "zoo/unet.cnn"])
def test_axe_and_nothing_cut(visit: Callable[..., Any], name: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for scheme in ("light", "dark") if name == "lenet.cnn" else ("dark" if width == 820 else "light",):
        page = visit(name, width, 900, bypass_csp=True, color_scheme=scheme)
        for chosen in (False, True):
            if chosen:
                page.locator("#layers .pick").first.click()
            found = Axe().run(page).response["violations"]
            assert not [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
            assert page.evaluate(CUT) == []


def test_what_goes_on_fades_until_its_end(visit: Callable[..., Any]) -> None:
    page = visit("zoo/unet.cnn", 360, 740)
    region = page.locator("#diagram .region").first
    more = page.locator("#diagram .region + .more").first
    classes = "region => [...region.classList].filter((name) => name.startsWith('more')).sort()"
    assert region.evaluate(classes) == ["more-right"] and more.is_visible()
    mask = "region => getComputedStyle(region).maskImage"
    assert "rgba(0, 0, 0, 0)" in region.evaluate(mask)
    region.evaluate("region => { region.scrollLeft = 1e6; }")
    page.wait_for_function("document.querySelector('#diagram .region').classList.contains('more-left')")
    assert region.evaluate(classes) == ["more-left"]
    page = visit("lenet.cnn", 1440, 900)
    assert not page.locator(".more:visible").count()
    assert not page.locator("#diagram .more-right, #diagram .more-below").count()


def test_volumes_come_first_and_fit(visit: Callable[..., Any]) -> None:
    for name in ("lenet.cnn", "resnet50.cnn"):
        page = visit(name, 1440, 900)
        views = page.locator("#views button")
        assert views.all_inner_texts()[:2] == ["Volumes", "Graph"]
        assert views.first.get_attribute("aria-pressed") == "true"
        assert page.locator(".picture:visible polygon").count() > 10  # cuboids
        picture, region = (page.locator(which).first.bounding_box() for which in (".picture svg", "#diagram .region"))
        assert region["x"] <= picture["x"] and picture["x"] + picture["width"] <= region["x"] + region["width"]
        views.nth(1).click()
        assert page.locator(".picture:visible polygon").count() == 0
        assert views.nth(1).get_attribute("aria-pressed") == "true"


def test_no_column_stays_blank(visit: Callable[..., Any]) -> None:
    page = visit("lenet.cnn", 1440, 900)
    whole, main = (page.locator(which).bounding_box() for which in (".columns", "main"))
    assert main["width"] == whole["width"] - 48 and not page.is_visible("#panel")
    pick = row(page, "conv2")
    pick.scroll_into_view_if_needed()
    before = pick.bounding_box()["y"]
    pick.click()
    assert page.is_visible("#panel")
    assert pick.bounding_box()["y"] == pytest.approx(before, abs=1)
    page.keyboard.press("Escape")
    assert pick.bounding_box()["y"] == pytest.approx(before, abs=1) and not page.is_visible("#panel")


def test_shares_explain(visit: Callable[..., Any]) -> None:
    page = visit("lenet.cnn")
    page.locator(".shares").get_by_role("button", name="dense1").click()
    assert page.inner_text("#panel-title") == "dense1"
    assert page.locator(".shares tr.chosen").count() == 1
    assert page.locator("#layers tr.chosen").count() == 1


def test_charts_are_read_without_hovering(visit: Callable[..., Any], examples: Path) -> None:
    network = cnndsl.load(examples / "lenet.cnn")
    page = visit("lenet.cnn", 1440, 900)
    for chart in page.locator(".chart").all():
        names = chart.locator(".layers span:visible")
        assert names.all_inner_texts() == list(network.layers)
        columns = [box["x"] + box["width"] / 2 for box in (name.bounding_box() for name in names.all())]
        plot = chart.locator(".plot").bounding_box()
        expected = [plot["x"] + plot["width"] * (index + 0.5) / len(columns) for index in range(len(columns))]
        assert columns == pytest.approx(expected, abs=1)
    numbers = page.locator("[data-series=params] .value:visible").all_inner_texts()
    assert numbers == [f"{layer.params:,}" for layer in network.layers.values() if layer.params]


@pytest.mark.parametrize("width", [360, 820, 1440])
@pytest.mark.parametrize("name", ["lenet.cnn", "resnet50.cnn", "zoo/unet.cnn"])
def test_words_of_charts_do_not_meet(visit: Callable[..., Any], name: str, width: int) -> None:
    page = visit(name, width, 900)
    for chart in page.locator(".chart").all():
        for which in (".value:visible", ".layers span:visible"):
            boxes = [word.bounding_box() for word in chart.locator(which).all()]
            assert boxes, which
            for index, one in enumerate(boxes):
                for other in boxes[:index]:
                    across = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
                    down = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
                    assert across <= 0.5 or down <= 0.5, (one, other)


@pytest.mark.parametrize("name", ["lenet.cnn", "resnet50.cnn", "zoo/unet.cnn"])
def test_paper(visit: Callable[..., Any], name: str) -> None:
    page = visit(name, 1440, 900, color_scheme="dark")
    printed = page.pdf(prefer_css_page_size=True)
    sheets = {tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox\s*\[([\d. ]+)\]", printed)}
    assert {tuple(round(side / 72 * 2.54, 1) for side in sheet[2:]) for sheet in sheets} == {(21.0, 29.7)}
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 1000})  # A4 less its margins, at 96 pixels an inch
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    kept = page.eval_on_selector_all(
        "tr, .chart, .tiles > div", "all => all.map(one => getComputedStyle(one).breakInside)"
    )
    assert set(kept) == {"avoid"}
    for region in page.locator(".region").all():
        assert region.evaluate("region => getComputedStyle(region).overflow") == "visible"
    heading = page.locator("#layers thead button").first
    assert heading.evaluate("button => getComputedStyle(button).display") == "contents"  # later sheets repeat the words
    assert not page.locator(".more:visible, .tools:visible, header:visible, #panel:visible").count()


def test_names_stay_text(visit: Callable[..., Any], tmp_path: Path) -> None:
    graph = json.loads(cnndsl.loads("input 3@8x8\nconv 4 3x3 -> relu").to_json())
    graph["name"] = EVIL
    graph["layers"][0].update(name=EVIL, path=["</script><script>document.title='hacked'</script>"])
    graph["layers"][1].update(inputs=[EVIL], name="<!--<script>", path=graph["layers"][0]["path"])
    graph["outputs"] = ["<!--<script>"]
    path = tmp_path / "evil.html"
    path.write_text(report(cnndsl.from_json(json.dumps(graph))), encoding="utf-8")
    page = visit(path)
    picks = page.locator("#layers .pick")
    for index in range(picks.count()):
        picks.nth(index).click()
        assert page.inner_text("#panel-title") == picks.nth(index).inner_text()
    box = page.locator(".picture:not([hidden]) .glyph[data-layers]").first
    box.focus()
    page.keyboard.press("Enter")
    for plot in page.locator(".plot").all():
        plot.hover()
    assert "hacked" not in page.title().replace(EVIL, "")
    assert page.inner_text("h1") == EVIL
    assert page.locator("img").count() == 0 and page.locator("script").count() == 2


def test_without_scripts(visit: Callable[..., Any], resnet: cnndsl.Network) -> None:
    page = visit("resnet50.cnn", java_script_enabled=False)
    assert page.locator("#layers tbody tr:visible").count() == len(resnet.layers) + 16
    assert page.is_visible("#unscripted") and not page.is_visible("#hint")
    assert not page.is_visible("#theme") and not page.is_visible("#filter")
    assert page.locator(".chart .bar").count() == 3 and page.is_visible(".source") and page.is_visible(".picture svg")


def test_layers_beyond_the_budget(visit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnndsl.report.page.explanations.MOST_CHARACTERS", 5_000)
    path = tmp_path / "short.html"
    path.write_text(report(cnndsl.loads("input 1@8x8\nrepeat 9 { conv 4 3x3 pad=1 }")), encoding="utf-8")
    page = visit(path)
    row(page, "conv1").click()
    assert "4*1*3*3" in page.inner_text("#panel-content")
    row(page, "conv9").click()
    assert "148" in page.inner_text("#panel-content") and "cnndsl explain" in page.inner_text("#panel-content")


def test_still_and_printed(visit: Callable[..., Any]) -> None:
    page = visit("lenet.cnn")
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    assert page.evaluate(behaviour) == "smooth"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(behaviour) == "auto"
    page.emulate_media(media="print", color_scheme="dark")
    assert background(page) == 255
    assert not page.is_visible("header") and not page.is_visible("#panel") and page.is_visible("#charts")


def test_colours_of_a_dark_page_on_paper(visit: Callable[..., Any]) -> None:
    page = visit("lenet.cnn", color_scheme="dark")
    colour = "getComputedStyle(document.querySelector('.picture text:not(.faint)')).fill"
    assert page.evaluate(colour) == "rgb(240, 244, 248)"
    for choice in ("the system's", "the switch's"):
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate(colour) == "rgb(31, 35, 40)", choice
        page.emulate_media(media="screen", color_scheme="light")
        page.click("#theme")


def test_addresses_of_layers(visit: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = visit("lenet.cnn")
    plain = page.url

    def see(fragment: str | None, title: str) -> None:
        """Waits for them: the browser reports a new address some time after the page has set it."""
        if fragment is not None:
            expect(page).to_have_url(plain + fragment)
        expect(page.locator("#panel-title")).to_have_text(title)

    row(page, "conv2").click()
    see("#layer=conv2", "conv2")
    page.click("#next")
    see("#layer=tanh2", "tanh2")
    page.go_back()
    see("", "Layer")
    page.go_forward()
    see("#layer=tanh2", "tanh2")
    page.click("nav a[href='#charts']")
    see("#charts", "tanh2")
    page.reload()
    see("#charts", "Layer")
    page.goto(f"{plain}#layer=dense2")
    page.reload()
    see("#layer=dense2", "dense2")
    page.keyboard.press("Escape")
    see("", "Layer")
    page.goto(f"{plain}#layer=%E0nobody")
    see(None, "Layer")


def test_long_lines_and_names_are_read_without_scrolling(visit: Callable[..., Any], tmp_path: Path) -> None:
    name = "a_name_that_goes_on_" * 4
    network = cnndsl.loads(f"input 3@32x32\nconv 8 3x3 pad=1 as {name}  # {'and so on ' * 30}\nrelu\n")
    path = tmp_path / "long.html"
    path.write_text(report(network, network.sources), encoding="utf-8")
    page = visit(path)
    for region in ("#source .region", "#layers .region"):
        wide, shown = page.eval_on_selector(region, "region => [region.scrollWidth, region.clientWidth]")
        assert wide == shown, region


def test_names_stay_beside_their_numbers_on_a_phone(visit: Callable[..., Any]) -> None:
    page = visit("lenet.cnn", 360, 740)
    page.eval_on_selector("#layers .region", "region => { region.scrollLeft = 300; }")
    left = page.locator("#layers .region").bounding_box()["x"]
    assert row(page, "conv1").bounding_box()["x"] - left == pytest.approx(34, abs=30)
