# ruff: noqa: RUF001 - passwords in Russian
"""Which passwords are too easy to guess, and what is said about them."""

import ast
import inspect
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import zxcvbn.feedback  # type: ignore[import-untyped]
import zxcvbn.matching  # type: ignore[import-untyped]

from services.auth.adapters.russian_words import in_latin, ranked_names, ranked_words
from services.auth.adapters.zxcvbn_meter import (
    SUGGESTIONS,
    WARNINGS,
    PasswordTooWeak,
    ZxcvbnMeter,
    judge_password,
)


@pytest_asyncio.fixture
async def meter() -> AsyncIterator[ZxcvbnMeter]:
    made = ZxcvbnMeter()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("password", "warning"),
    [
        ("password", "top_ten"),
        ("12345678", "top_ten"),
        ("qwertyuiop", "top_hundred"),
        ("Password1!", "similar_to_common"),
        ("abcdefgh", "sequence"),
        ("zzzzzzzzzz", "repeated_character"),
        ("zxcvzxcvzxcv", "repeated_pattern"),
        ("19920314", "date"),
        ("x" * 200, "repeated_character"),
        ("ж" * 100, "repeated_character"),
        ("ann.miller", ""),
        ("ann.miller@example.org", ""),
        ("prereview", ""),
        ("йцукенгш", "common"),
        ("солнышко", "common"),
        ("черепаха", "single_word"),
        ("ТАНЮША", "single_name"),
        ("Дашуля2024", "names"),
    ],
)
async def test_the_commonest_and_ones_own_are_refused(
    meter: ZxcvbnMeter, password: str, warning: str
) -> None:
    with pytest.raises(PasswordTooWeak) as caught:
        await meter.check(password, "ann.miller@example.org", "network")
    params = caught.value.params
    assert params.keys() == {"warning", "suggestion1", "suggestion2"}
    assert params["warning"] == warning
    assert params["suggestion1"] in SUGGESTIONS.values()


@pytest.mark.parametrize(
    "password",
    [
        "8 signs!",
        "correct horse battery",
        "wombats juggle teacups",
        "ёжик в тумане",
        "😀 tea 🫖 moss 🐌",
        "x" * 100 + " wombats juggle teacups" * 2,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa wombats juggle teacups",
    ],
)
async def test_what_is_hard_to_guess_is_accepted(meter: ZxcvbnMeter, password: str) -> None:
    if password.startswith("xxx"):  # only the beginning is judged
        with pytest.raises(PasswordTooWeak):
            await meter.check(password, "ann@example.org", "network")
    else:
        await meter.check(password, "ann@example.org", "network")


WEAK = {
    "words": "привет любимая солнышко пароль черепаха шоколад здравствуй волшебник футболист",
    "names": "наташа сергей екатерина Александр ВЛАДИМИР настюша Серёжа катюшка барсик",
    "patronymics": "Владимирович сергеевна Александровна николаевич",
    "surnames": "иванов Кузнецова смирнов Селиверстов петренко",
    "cities": "москва екатеринбург Новосибирск ленинград челябинск",
    "clubs": "спартак Зенит динамо локомотив цскацска",
    "with a year": "москва2024 Наташа1990 даша2010 Вова1990 спартак1922 зенит2025 россия2022"
    " Оля2001",
    "with digits": "привет123 любовь777 сергей1 Пароль12 маринка7",
    "twice": "ПарольПароль приветпривет МоскваМоскваМосква",
    "in capitals": "ПАРОЛЬ СОЛНЫШКО МОСКВА2024",
    "backwards": "авксом ьлорап авсан",
    "ё and е": "котёнок котенок Серёжа1987 сережа1987 чёрный",
    "signs for letters": "м0сква п@роль п4р0ль н@таша",
    "in Latin letters": "moskva2024 natasha1990 privet2020 lyubimaya lubimaja Solnyshko ekaterina"
    " parol123 VLADIMIR spartak1922 iuliia yuliya zvezda shokolad",
    "on Latin keys": "vjcrdf yfnfif ghbdtn gfhjkm",
    "keys": "йцукен фывапролд йцукенг1 ячсмить",
    "rows and dates": "абвгдежз жжжжжжжжж 01011990 01.02.1990",
}


@pytest.mark.parametrize("kind", WEAK)
def test_russian_words_and_names_are_common(kind: str) -> None:
    passed = [one for one in WEAK[kind].split() if judge_password(one, []) is None]
    assert passed == []


@pytest.mark.parametrize(
    "password",
    [
        "правильная лошадь батарейка скоба",
        "правильные лошади батарейки скобы",
        "вомбаты жонглируют чашками",
        "зелёный чайник поёт",
        "Трава у дома цветёт в октябре",
        "кенгуруподписалбалконы",
        "гусь пилит комету",
        "синий бегемот 47",
        "moi veselyi begemot poet",
        "Щ7жк!ды2Юё",
        "лдщжыкюъэбц",
        "наташа любит спартак и борщ",
    ],
)
def test_russian_passphrases_are_hard_to_guess(password: str) -> None:
    assert judge_password(password, []) is None


def test_ones_own_name_is_weak_in_either_script() -> None:
    for password in ("веснушкина", "vesnushkina", "Веснушкина1"):
        assert judge_password(password, ["vesnushkina"]) is not None


def test_the_words_are_there_in_bounds() -> None:
    words, names = ranked_words(), ranked_names()
    assert 150_000 < len(words) < 200_000
    assert max(words.values()) == 50_000
    assert words["moskva"] < words["natasha"] < words["puhovik"]
    assert max(names.values()) < 300
    assert in_latin("Щука ЪЁ щ7") == "Schuka E sch7"
    assert in_latin("ЖАРА") == "ZHARA"


def test_every_advice_that_zxcvbn_can_give_has_a_code() -> None:
    tree = ast.parse(inspect.getsource(zxcvbn.feedback))
    texts = {
        ast.literal_eval(call.args[0])
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "_"
    }
    assert texts == WARNINGS.keys() | SUGGESTIONS.keys()
    codes = [*WARNINGS.values(), *SUGGESTIONS.values()]
    assert len(set(codes)) == len(codes)


def test_a_long_weak_password_stays_weak() -> None:
    for password in ("password" * 9, "qwertyuiop" * 7, "abc123" * 12, "0123456789" * 7):
        assert judge_password(password[:72], []) is not None


SIGNS = "4@8({[<369&6#!1|71|$5+7%2"
HARD_TO_JUDGE = {
    "signs": SIGNS * 40,
    "runs of signs": "".join(sign * 4 for sign in "4@8({[<369#!1|7$5+%20"),
    "signs after letters": "a" * 24 + SIGNS * 2,
    "signs after words": "password" * 3 + SIGNS * 2,
    "words with signs": "p@$$w0rd1!" * 8,
    "Russian words": "правильнаялошадьбатарейкаскоба" * 3,
    "Russian words with signs": "м0ск84а1!7" * 8,
    "letters that become four": "щ" * 100,
}


@pytest.mark.parametrize("password", HARD_TO_JUDGE.values(), ids=HARD_TO_JUDGE.keys())
def test_signs_that_stand_for_letters_do_not_multiply_the_work(password: str) -> None:
    """Counted in looks at a dictionary: two million, were all of it judged."""
    looks = 0

    class Counting(dict[str, int]):
        def __contains__(self, word: object) -> bool:
            nonlocal looks
            looks += 1
            return super().__contains__(word)

    dictionaries = zxcvbn.matching.RANKED_DICTIONARIES
    kept = dictionaries["surnames"]
    dictionaries["surnames"] = Counting(kept)
    try:
        judge_password(password[:72], [])
    finally:
        dictionaries["surnames"] = kept
    assert looks < 100_000
