import contextlib
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from selene_tf.errors import UserError
from selene_tf.evaluation import image_scores
from selene_tf.reports import charts
from tests.commands import ROOT
from tests.evaluation.report_case import outline, write_run, written
from tests.refusals import assert_refused

PARTS = (
    *("Scores", "Confusion matrix", "Routing", "Best, median and worst images"),
    *("Exports and evaluations",),
)


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


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("summary.json", '"mean": ', '"men": '),
        ("summary.json", '"iou": {', '"iou": [], "was": {'),
        ("summary.json", '"edges": [', '"edges": [1, '),
        ("exports.jsonl", '"check": {', '"czech": {'),
        ("log.jsonl", '"step": 20', '"step": "many"'),
        ("log.jsonl", '{"step": 20', "null\n{"),
        ("examples/examples.json", "best_00003.png", "gone.png"),
        ("examples/examples.json", '"number": 3', '"number": 999'),
        ("classes.json", "[", "3, ["),
    ],
)
def test_what_a_run_does_not_write_is_one_line_too(tmp_path, name, old, new):
    run_dir = write_run(tmp_path / "a")
    text = (run_dir / name).read_text()
    assert old in text
    # More lines, so that the mistake is not in the last one, which a kill may cut.
    more = text if name.endswith("jsonl") else ""
    (run_dir / name).write_text(text.replace(old, new) + more)
    assert_refused(lambda: written([run_dir], tmp_path), name.rpartition("/")[2])


def test_flipped_bits_are_an_error_of_ours_or_harmless(tmp_path):
    run_dir = write_run(tmp_path / "a")
    file = run_dir / "image_scores.npz"
    content = file.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 150):
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        file.write_bytes(bytes(damaged))
        with contextlib.suppress(UserError):
            image_scores.read(file)


def test_a_run_of_an_earlier_version_is_shown(tmp_path):
    run_dir = write_run(tmp_path / "a")
    summary = json.loads((run_dir / "summary.json").read_text())
    kept = ("mean_iou", "iou", "pixel_accuracy", "macs", "parameters", "seconds")
    summary = {name: summary[name] for name in (*kept, "protocol", "images")}
    (run_dir / "summary.json").write_text(json.dumps(summary))
    for name in ("image_scores.npz", "exports.jsonl", "examples/examples.json"):
        (run_dir / name).unlink()
    assert "Scores" in outline(written([run_dir], tmp_path)).headings


def test_a_dollar_is_no_formula(tmp_path):
    runs = [write_run(tmp_path / "$\\frac$/a"), write_run(tmp_path / "$x_/b")]
    assert "frac" in written(runs, tmp_path)


def test_a_path_drawn_by_hand_is_shown_where_none_was_discovered(tmp_path):
    run_dir = write_run(tmp_path / "a")
    (run_dir / "path.json").rename(run_dir / "given_path.json")
    assert "Routes of the discovered path" in written([run_dir], tmp_path)


def test_a_searched_architecture_is_drawn(tmp_path):
    run_dir = write_run(tmp_path / "a")
    (run_dir / "path.json").unlink()
    file = ROOT / "configs/architectures/templates_arch1.json"
    shutil.copy(file, run_dir / "architecture.json")
    config = (run_dir / "config.cfg").read_text()
    (run_dir / "config.cfg").write_text(config + f"--architecture={file}\n")
    text = written([run_dir], tmp_path)
    assert "The searched decoder" in text
    assert "Decoder" in outline(text).headings
    assert "<td>templates_arch1</td>" in text
    assert text.count(">max_pool_3x3<") > 0


def test_an_export_that_was_written_anew_is_there_once(tmp_path):
    run_dir = write_run(tmp_path / "a")
    line = (run_dir / "exports.jsonl").read_text()
    later = line.replace('"latency_ms": 3.5', '"latency_ms": 8.5')
    (run_dir / "exports.jsonl").write_text(line + later)
    text = written([run_dir], tmp_path)
    assert text.count("a.tflite") == 1
    assert "<td>8.5</td>" in text


def test_a_front_is_drawn_where_costs_differ():
    alike = [("a", 100e6, 0.4), ("b", 101e6, 0.5)]
    assert "Pareto" not in charts.cost_and_score(alike, "cost")
    assert "Pareto" in charts.cost_and_score([*alike, ("c", 110e6, 0.6)], "cost")


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
