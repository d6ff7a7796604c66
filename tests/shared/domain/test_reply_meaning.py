"""Each cell of the table of meanings equals matrices made from Reddit's documented replies.

A matrix has one row for each status and one column for each shape of the body. A letter stands for
a meaning, and a dot stands for `unknown`. The matrices in OWN are for Reddit's own content types:
JSON, or none. The matrices in FOREIGN are for all other content types.
"""

from itertools import product

import pytest

from crawljobs.domain.reply_meaning import (
    TABLE,
    Cell,
    ContentType,
    Endpoint,
    Meaning,
    Shape,
    Status,
)

M = Meaning
LETTERS = {
    ".": M.UNKNOWN,
    "r": M.READ,
    "o": M.OUTAGE,
    "t": M.THROTTLED,
    "s": M.TOKEN_STALE,
    "P": M.PRIVATE,
    "Q": M.QUARANTINED,
    "G": M.GATED,
    "B": M.BANNED,
    "N": M.NOT_FOUND,
    "R": M.REDIRECTED,
    "L": M.LEGAL,
    "i": M.ITEM_GONE,
    "a": M.AUTHOR_GONE,
    "h": M.AUTHOR_REFUSED,
    "x": M.PART_REFUSED,
    "l": M.REQUEST_TOO_LARGE,
    "c": M.CREDENTIALS_REFUSED,
    "C": M.CLIENT_REFUSED,
}
ROWS = {
    "200": Status.OK,
    "2xx": Status.OTHER_2XX,
    "search": Status.TO_SEARCH,
    "community": Status.TO_COMMUNITY,
    "3xx": Status.OTHER_3XX,
    "400": Status.BAD_REQUEST,
    "401": Status.UNAUTHORIZED,
    "403": Status.FORBIDDEN,
    "404": Status.NOT_FOUND,
    "408": Status.TIMEOUT,
    "413": Status.TOO_LARGE,
    "429": Status.THROTTLED,
    "451": Status.LEGAL,
    "4xx": Status.OTHER_4XX,
    "5xx": Status.TROUBLE,
    "other": Status.OTHER,
}
# The columns: private, quarantined, gated, banned, other reason, error, other JSON | HTML, empty,
# other.
COMMON = """
200       rrrrrrr .oo
2xx       ooooooo ooo
401       sssssss sss
408       ooooooo ooo
429       ttttttt ttt
5xx       ooooooo ooo
"""
COMMUNITY = """
search    NNNNNNN NNN
community RRRRRRR RRR
400       xxxxxx. ...
403       PQG.... ...
404       ...BNN. ...
451       LLLLLL. ...
4xx       xxxxxx. ...
"""
LONG = """
413       lllllll lll
"""
ITEM = """
400       xxxxxx. ...
403       PQG.... ...
404       ...Bii. ...
451       LLLLLL. ...
4xx       xxxxxx. ...
"""
AUTHOR = """
400       xxxxxx. ...
404       ....aa. ...
451       aaaaaa. ...
4xx       xxxxxx. ...
"""
REFUSED_HISTORY = """
403       .....h. ...
"""
BATCH = """
400       xxxxxx. ...
4xx       xxxxxx. ...
"""
EVERYTHING_ELSE = "\n".join(f"{row} CCCCCCC CCC" for row in ROWS)
PROBE = f"""
{EVERYTHING_ELSE}
{COMMON.replace("rrrrrrr .oo", "CCCCCCr Coo")}
"""
TOKEN = """
400       ccccccc ...
401       ccccccc ccc
403       CCCCCCC CCC
"""
OWN = {
    Endpoint.ABOUT: (COMMON, COMMUNITY),
    Endpoint.POSTS: (COMMON, COMMUNITY),
    Endpoint.COMMENTS: (COMMON, COMMUNITY, LONG),
    Endpoint.TREE: (COMMON, ITEM, LONG),
    Endpoint.MORE_CHILDREN: (COMMON, ITEM, LONG),
    Endpoint.HISTORY: (COMMON, AUTHOR, REFUSED_HISTORY, LONG),
    Endpoint.ACCOUNT: (COMMON, AUTHOR),
    Endpoint.INFO: (COMMON, BATCH, LONG),
    Endpoint.PROBE: (PROBE,),
    Endpoint.TOKEN: (COMMON, TOKEN),
}
# A body with another content type does not come from Reddit. Only the status counts, except that a
# body of JSON with status 200 is read.
FOREIGN_COMMON = """
200       rrrrrrr .oo
401       sssssss sss
408       ooooooo ooo
429       ttttttt ttt
5xx       ooooooo ooo
"""
REDIRECTS = """
search    NNNNNNN NNN
community RRRRRRR RRR
"""
FOREIGN = {
    Endpoint.ABOUT: (FOREIGN_COMMON, REDIRECTS),
    Endpoint.POSTS: (FOREIGN_COMMON, REDIRECTS),
    Endpoint.COMMENTS: (FOREIGN_COMMON, REDIRECTS, LONG),
    Endpoint.TREE: (FOREIGN_COMMON, LONG),
    Endpoint.MORE_CHILDREN: (FOREIGN_COMMON, LONG),
    Endpoint.HISTORY: (FOREIGN_COMMON, LONG),
    Endpoint.ACCOUNT: (FOREIGN_COMMON,),
    Endpoint.INFO: (FOREIGN_COMMON, LONG),
    Endpoint.PROBE: (EVERYTHING_ELSE, FOREIGN_COMMON.replace("rrrrrrr .oo", "CCCCCCr Coo")),
    Endpoint.TOKEN: (FOREIGN_COMMON, "401 ccccccc ccc", "403 CCCCCCC CCC"),
}


def row_of(matrices: tuple[str, ...], status: Status) -> str:
    """Return the last row for this status in the matrices. Without one, each cell is unknown."""
    found = "." * len(Shape)
    for line in "\n".join(matrices).splitlines():
        name, _, letters = line.strip().partition(" ")
        if name and ROWS[name] is status:
            found = letters.replace(" ", "")
    return found


def expected(cell: Cell) -> Meaning:
    is_own = cell.content_type in (ContentType.JSON, ContentType.NONE)
    letters = row_of((OWN if is_own else FOREIGN)[cell.endpoint], cell.status)
    letter = letters[list(Shape).index(cell.shape)]
    # A recorded reply with status 451 had the content type JSON and no body.
    is_legal = cell.status is Status.LEGAL and cell.content_type is ContentType.JSON
    if is_legal and cell.shape is Shape.EMPTY and letters[0] == "L":
        letter = "L"
    # A body with status 200 and the type HTML that is not HTML also comes from a proxy.
    if cell.content_type is ContentType.HTML and cell.status is Status.OK and letter == "o":
        letter = "C" if cell.endpoint is Endpoint.PROBE else "."
    return LETTERS[letter]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("endpoint", Endpoint)
def test_every_cell_has_the_meaning_of_the_matrices(endpoint: Endpoint, status: Status) -> None:
    for content_type, shape in product(ContentType, Shape):
        cell = Cell(endpoint, status, content_type, shape)
        assert TABLE[cell] is expected(cell), cell


def test_the_table_is_whole_and_frozen() -> None:
    sizes = len(Endpoint), len(Status), len(ContentType), len(Shape)
    assert len(TABLE) == sizes[0] * sizes[1] * sizes[2] * sizes[3]
    with pytest.raises(TypeError):
        TABLE[next(iter(TABLE))] = Meaning.READ  # type: ignore[index]


ACCESS = {M.PRIVATE, M.QUARANTINED, M.GATED, M.BANNED, M.NOT_FOUND, M.REDIRECTED, M.LEGAL}


def test_no_foreign_page_says_anything_about_a_community() -> None:
    for cell, meaning in TABLE.items():
        if meaning in ACCESS and cell.status not in (Status.TO_SEARCH, Status.TO_COMMUNITY):
            assert cell.content_type in (ContentType.JSON, ContentType.NONE)
            assert cell.shape not in (Shape.HTML, Shape.OTHER, Shape.OTHER_JSON)
