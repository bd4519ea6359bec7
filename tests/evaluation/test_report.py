import html.parser
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from selene_tf.evaluation import report
from tests.commands import assert_one_line, run
from tests.evaluation.report_case import write_run
from tests.refusals import assert_refused

PARTS = (
    *("Scores", "Confusion matrix", "Routing", "Best, median and worst images"),
    *("Exports and what they take",),
)


def written(folders, folder, **options):
    report.write(folders, folder / "report.html", **options)
    return (folder / "report.html").read_text()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Of two runs, one without an end."""
    folder = tmp_path_factory.mktemp("report")
    runs = [
        write_run(folder / "long/a", 0.7),
        write_run(folder / "long/b", 0.8, flags={"batch_size": "8"}),
        write_run(folder / "long/c", is_finished=False),
    ]
    return written(runs, folder), folder / "report.html"


class Outline(html.parser.HTMLParser):
    """Headings, ids, and whether every element is closed."""

    VOID = ("meta", "img", "br", "path", "use", "circle", "rect", "line")

    def __init__(self):
        super().__init__()
        self.open, self.headings, self.ids, self.sources, self.tags = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.sources += [values[k] for k in ("src", "href") if k in values]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append(data)


def outline(text):
    parser = Outline()
    parser.feed(text)
    assert parser.open == []
    return parser


def test_it_has_every_part_and_each_run_once(page):
    found = outline(page[0])
    assert [name for name in found.headings if name in "abc"] == ["a", "b", "c"]
    for part in PARTS:
        assert found.headings.count(part) == 2, "of the two with an end"
    assert "Differences on the same images" in found.headings
    assert "Settings that differ" in found.headings
    # Scores, losses, rate, path, open MACs, and the image's routes of each; and cost.
    assert found.tags.count("svg") == 2 * 6 + 3 + 1


def test_it_needs_nothing_from_elsewhere_and_runs_nothing(page):
    found = outline(page[0])
    assert "script" not in found.tags
    assert all(source.startswith(("data:", "#")) for source in found.sources)
    assert not re.search(r"url\((?!#)", page[0])
    assert "default-src 'none'" in page[0]


def test_no_two_elements_have_one_id_and_every_link_leads_somewhere(page):
    found = outline(page[0])
    assert len(set(found.ids)) == len(found.ids)
    links = [source[1:] for source in found.sources if source.startswith("#")]
    assert set(links) <= set(found.ids)
    used = re.findall(r"url\(#([^)]+)\)", page[0])
    assert set(used) <= set(found.ids)


def test_colours_are_left_to_the_page(page):
    svgs = "".join(re.findall(r"<svg.*?</svg>", page[0], re.DOTALL))
    assert "var(--line-1)" in svgs
    assert not re.search(r"#a000f?\d", svgs)
    assert "#c2410c" not in svgs


def test_an_unfinished_run_is_shown_as_far_as_it_went(page):
    assert "Without an end: shown as far as step 40 of 40." in page[0]
    assert "step 40, no end" in page[0]


def test_the_difference_of_two_runs_has_its_interval(page):
    text = re.search(r"<td[^>]*>b - a</td><td>(.*?)</td><td>(.*?)</td>", page[0])
    low, high = (float(x) for x in re.findall(r"[-+][\d.]+", text[2]))
    assert 0 < low <= float(text[1]) <= high


def test_names_are_text_and_never_markup(tmp_path):
    names = ("<script>alert(1)</script>", 'a"b', "c&d")
    run_dir = write_run(tmp_path / "<b>run", classes=names)
    text = written([run_dir], tmp_path, title="<i>")
    assert "script" not in outline(text).tags
    assert "&lt;script&gt;" in text
    assert "<b>run" not in text
    assert "<i>" not in text.replace("<i style", "")


def test_runs_of_other_classes_are_refused(tmp_path):
    runs = [
        write_run(tmp_path / "a"),
        write_run(tmp_path / "b", classes=("sky", "tree", "car")),
    ]
    assert_refused(lambda: written(runs, tmp_path), "b has the classes sky", "road")


@pytest.mark.parametrize("name", ["summary.json", "image_scores.npz", "path.json"])
def test_a_damaged_file_is_one_line(tmp_path, name):
    run_dir = write_run(tmp_path / "a")
    (run_dir / name).write_bytes(b"{")
    assert_refused(lambda: written([run_dir], tmp_path), name)


def test_the_command_takes_folders_and_flags_in_any_order(tmp_path):
    run_dir = write_run(tmp_path / "a")
    output = tmp_path / "page.html"
    result = run("-m", "selene_tf.report", str(run_dir), f"--output={output}")
    assert result.returncode == 0, result.stderr
    again = run("-m", "selene_tf.report", f"--output={output}", str(run_dir))
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["RUN", "nothing"]),
        (["{folder}"], ["no config.cfg", "{folder}"]),
        (["{folder}/none"], ["{folder}/none"]),
        (["{folder}", "--output=a.pdf"], ["--output", "a.pdf"]),
        (["{folder}", "--outptu=a.html"], ["outptu"]),
    ],
)
def test_the_commands_mistakes_are_one_line(tmp_path, arguments, words):
    given = [a.format(folder=tmp_path) for a in arguments]
    result = run("-m", "selene_tf.report", *given)
    assert_one_line(result, *(word.format(folder=tmp_path) for word in words))


@pytest.fixture(scope="module")
def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("there is no Chromium to look at the page with (apt install chromium)")


def browse(chromium, page, *flags):
    return subprocess.run(
        [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu"),
            *("--hide-scrollbars", *flags, page.as_uri()),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    ).stdout.decode()


@pytest.mark.slow
def test_a_browser_finds_its_parts(page, chromium):
    found = outline(browse(chromium, page[1], "--dump-dom"))
    for part in PARTS:
        assert found.headings.count(part) == 2
    assert found.tags.count("svg") == 2 * 6 + 3 + 1


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_draws_it_on_wide_and_narrow_screens(page, chromium, tmp_path, width):
    drawn = {}
    for scheme, number in (("dark", 0), ("light", 1)):
        file = tmp_path / f"{scheme}.png"
        browse(
            chromium,
            page[1],
            f"--window-size={width},3000",
            f"--screenshot={file}",
            f"--blink-settings=preferredColorScheme={number}",
        )
        with Image.open(file) as image:
            drawn[scheme] = np.asarray(image.convert("L"), float)
    assert drawn["dark"][0, 0] < 60 < 200 < drawn["light"][0, 0]
    for pixels in drawn.values():
        # Nothing reaches over the page's margin, where it would be cut off.
        assert (pixels[:, -8:] == pixels[0, 0]).all()
        assert (pixels[:, : width // 2] != pixels[0, 0]).mean() > 0.02
