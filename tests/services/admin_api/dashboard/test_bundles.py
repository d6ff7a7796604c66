"""Modules are joined into few files, or the start fails with the reason."""

import shutil
import subprocess
from pathlib import Path

import pytest

from admin_api.dashboard import bundles
from support import needs

FILES = {
    "app.js": """// The entry.
import { shared as mine, log } from './core/shared.js';
import fallback from './vendor/tiny.js';
/** Says
 * what. */
const name = 'app';
log(name, mine(), fallback(1), import.meta.url.endsWith('/app.js'));
const pages = [() => import('./pages/one.js'), () => import('./pages/two.js')];
for (const load of pages) log(await_name(await load()));
function await_name(module) { return module.default(); }
""",
    "core/shared.js": """const name = 'shared';
export { twice as double } from './numbers.js';
export const shared = () => name;
export function log(...words) { console.log(words.join(' ')); }
""",
    "core/numbers.js": "export const twice = (n) => 2 * n;\n",
    "parts/both.js": """import { double } from '../core/shared.js';
let count = 0;
export const next = () => double(++count);
""",
    "pages/one.js": """import { next } from '../parts/both.js';
import { own } from './one/own.js';
export default function One() { return `one ${next()} ${own}`; }
""",
    "pages/one/own.js": """import big from '../../vendor/big.js';
export const own = big;
""",
    "pages/two.js": """import { next } from '../parts/both.js';
export default () => `two ${next()}`;
""",
    "vendor/tiny.js": "var q=1;export default function(n){return n+q}",
    "vendor/big.js": "const big='big';export default big;",
}


def test_joined_modules_do_what_the_single_ones_do(tmp_path: Path) -> None:
    node = needs.program("node")
    # The entry of this test waits at its top, where a joined module cannot wait.
    entry = FILES["app.js"].replace(
        "for (const load of pages) log(await_name(await load()));",
        "(async () => { for (const load of pages) log(await_name(await load())); })();",
    )
    files = {**FILES, "app.js": entry}
    printed = []
    for kind, texts in (
        ("single", files),
        ("joined", {**bundles.build("app.js", files), "vendor/big.js": files["vendor/big.js"]}),
    ):
        folder = tmp_path / kind
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        (folder / "package.json").write_text('{"type": "module"}')
        done = subprocess.run(
            [node, "app.js"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    assert printed[0] == printed[1] == "app shared 2 true\none 2 big\ntwo 4\n"
    assert sorted(bundles.build("app.js", files)) == ["app.js", "pages/one.js", "pages/two.js"]
    assert bundles.vendored_apart("app.js", files) == {"vendor/big.js"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.js", "import * as b from './b.js';", "not supported"),
        ("a.js", "export let count = 1;", "not supported"),
        ("a.js", "import './b.js';", "not supported"),
        ("a.js", "import { b } from './none.js';", "does not exist"),
        ("a.js", "import { c } from './b.js';", "does not export"),
        ("b.js", "import { a } from './a.js';\nexport const b = 1;", "import one another"),
    ],
)
def test_a_form_that_cannot_be_joined_stops_the_start(name: str, text: str, message: str) -> None:
    files = {
        "app.js": "import { a } from './a.js';\n",
        "a.js": "import { b } from './b.js';\nexport const a = b;\n",
        "b.js": "export const b = 1;\n",
        name: text,
    }
    with pytest.raises(ValueError, match=message):
        bundles.build("app.js", files)


def test_the_joined_files_of_the_dashboard_are_javascript(tmp_path: Path) -> None:
    from admin_api.dashboard import assets

    node = needs.program("node")
    for name, file in assets.all_assets().files.items():
        if name.endswith(".js"):
            (tmp_path / "one.mjs").write_bytes(file.body)
            done = subprocess.run(
                [node, "--check", "one.mjs"],
                cwd=tmp_path,
                capture_output=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, name
    shutil.rmtree(tmp_path)
