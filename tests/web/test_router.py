"""Which template belongs to a path."""

import pytest

from talkd.web.router import Router

TEMPLATES = ("/", "/avatar/{user}/{size}", "/avatar/{user}/{size}/dark", "/avatar/guest/{name}/{size}", "/avatar/")


@pytest.fixture
def router() -> Router[str]:
    router: Router[str] = Router()
    for template in TEMPLATES:
        router.add(template, template)
    return router


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/", "/", {}),
        ("/avatar/", "/avatar/", {}),
        ("/avatar/anna/64", "/avatar/{user}/{size}", {"user": "anna", "size": "64"}),
        ("/avatar/guest/64", "/avatar/{user}/{size}", {"user": "guest", "size": "64"}),
        ("/avatar/guest/anna/64", "/avatar/guest/{name}/{size}", {"name": "anna", "size": "64"}),
        ("/avatar/guest/64/dark", "/avatar/guest/{name}/{size}", {"name": "64", "size": "dark"}),
        ("/avatar/anna/64/dark", "/avatar/{user}/{size}/dark", {"user": "anna", "size": "64"}),
        ("/avatar//64", "/avatar/{user}/{size}", {"user": "", "size": "64"}),
    ],
)
def test_fixed_parts_precede_parameters(router: Router[str], path: str, template: str, values: dict[str, str]) -> None:
    assert router.find(path) == (template, values)


@pytest.mark.parametrize(
    "path", ["", "//", "/avatar", "/avatar/anna", "/avatar/anna/64/", "/avatar/anna/64/light", "/x"]
)
def test_other_paths_have_no_template(router: Router[str], path: str) -> None:
    assert router.find(path) is None


def test_a_parameter_has_one_name_at_each_place(router: Router[str]) -> None:
    with pytest.raises(ValueError, match="called user"):
        router.add("/avatar/{person}/{size}/light", "")
