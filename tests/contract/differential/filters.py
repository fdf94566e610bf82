"""Search filters out of MLflow's grammar and from just beside it, the same for the same seed."""

import random

ATTRIBUTES = ["name", "run_id", "source_path", "version_number"]
KEYS = ["team", "note", "a-b", "with space", "deep.er", "order", "none such"]
EQUALS = ["=", "!=", "LIKE", "ILIKE", "like", "iLike"]
RANGES = [">", ">=", "<", "<=", "=", "!="]
ODD_COMPARATORS = ["==", "<>", "NOT LIKE", "IS", "IS NOT", "~", "RLIKE", "BETWEEN", "not", "", "=!"]
TEXTS = [
    *("alpha", "Alpha", "ALPHA beta", "a_b", "axb", "a%b", "back\\slash", "quote's", 'dq"x'),
    *("βeta", "zeta.1", "100", "select", "or and", "risk", "Risk", "50%", "", " ", "x]y", "[a]"),
]
PATTERNS = [
    *("%", "_", "%%", "a%", "%a", "%lph%", "A_pha", "a__b", "a\\_b", "a\\%b", "%\\", "ALPHA%"),
    *("alpha%%", "_%_", "*", "a*", "?", "[a]%", "[a-z]%", "^a", "%ß%", "%Β%", "%'%", "r%k", "R%"),
]
SPACES = ["", " ", " ", " ", "  ", "\t", "\n", " \r\n "]
JOINTS = ["AND"] * 8 + ["and", "And", "aNd"]
ODD_JOINTS = ["OR", "or", "&&", ",", ";", "AND AND", "NOT", "XOR", ""]
WRAPPINGS = [
    *("{}", "{}", " {}", "{} ", "({})", "{} AND", "AND {}", "NOT {}", "{};", "{} -- note"),
    *("/* note */ {}", "{}; SELECT 1", "{} LIMIT 1", "WHERE {}", "{} '", '{} "', "{}\x0b"),
]


class Filters:
    def __init__(self, seed: int, runs: list[str], sources: list[str]) -> None:
        self.chance = random.Random(seed)
        self.runs = [*runs, "no run"]
        self.sources = [*sources, "models:/%", "%"]

    def some(self, number: int) -> list[str]:
        return [self.one() for _ in range(number)]

    def one(self) -> str:
        text = self._clause()
        for _ in range(self.chance.choice([0, 0, 0, 0, 1, 1, 2, 3])):
            joint = self._pick(JOINTS, ODD_JOINTS)
            space = self.chance.choice([" ", " ", "  ", "\n", "\t"])
            text += f"{space}{joint}{space}{self._clause()}"
        wrapping = self._pick(["{}"], WRAPPINGS)
        return wrapping.replace("{}", text)

    def _clause(self) -> str:
        kind = self.chance.choice(["text"] * 4 + ["tag"] * 5 + ["list"] * 3 + ["number"] * 3)
        before, after = self.chance.choice(SPACES), self.chance.choice(SPACES)
        if kind == "tag":
            key = self._tag()
            comparator = self._pick(EQUALS, [*ODD_COMPARATORS, "IN", ">"])
            value = self._value(self._text(comparator))
        elif kind == "list":
            key = self._attribute(["name", "name", "run_id", "source_path", "version_number"])
            comparator = self._pick(["IN", "NOT IN", "in", "not in", "NOT  IN"], ["=", "LIKE"])
            value = self._list()
            before, after = before or " ", after
        elif kind == "number":
            key = self._attribute(["version_number"])
            comparator = self._pick(RANGES, ["LIKE", "IN", *ODD_COMPARATORS])
            value = self._pick(
                ["1", "2", "3", "0", "-1", "99", "01"],
                ["'1'", '"2"', "1.0", "1.5", "1e1", "'x'", "9" * 19, "9" * 30, "0x1", "one", "+1"],
            )
        else:
            attribute = self.chance.choice(["name", "name", "run_id", "source_path"])
            key = self._attribute([attribute])
            comparator = self._pick(EQUALS, [*ODD_COMPARATORS, *RANGES])
            pool = {"run_id": self.runs, "source_path": self.sources}.get(attribute)
            value = self._value(self.chance.choice(pool) if pool else self._text(comparator))
        if comparator[:1].isalpha():
            before, after = before or " ", after or " "
        return f"{key}{before}{comparator}{after}{value}"

    def _text(self, comparator: str) -> str:
        usual, other = (PATTERNS, TEXTS) if "like" in comparator.lower() else (TEXTS, PATTERNS)
        return self._pick(usual, other)

    def _attribute(self, names: list[str]) -> str:
        name = self.chance.choice(names)
        odd = [f"`{name}`", f'"{name}"', name.upper(), f"attributes.{name}", f"param.{name}"]
        odd += [f"attr.{name}", f"attribute.`{name}`", f"'{name}'", "description", "current_stage"]
        return self._pick([name, name, f"attribute.{name}"], odd)

    def _tag(self) -> str:
        key, entity = self.chance.choice(KEYS), self.chance.choice(["tag", "tags"])
        odd = [f"{entity}.'{key}'", f"{entity}.{key}", f"{entity}`{key}`", f"TAGS.`{key}`"]
        odd += [f"`{entity}`.`{key}`", f"{entity}.", f"metrics.`{key}`", f"{entity}.`{key}`.x"]
        plain = [f"{entity}.`{key}`", f'{entity}."{key}"']
        return self._pick(plain if not key.isalpha() else [*plain, f"{entity}.{key}"], odd)

    def _value(self, text: str) -> str:
        mark = self.chance.choice("''''\"")
        if mark in text:
            text = self.chance.choice([text, text.replace(mark, mark * 2), text.replace(mark, "")])
        odd = [
            f"`{text}`",
            text,
            f"'{text}",
            f'{text}"',
            f"'{text}\"",
            f"''{text}''",
            f"('{text}')",
        ]
        odd += ["1", "NULL", "true", f"N'{text}'", f"'{text}' 'b'", "''", "name"]
        return self._pick([f"{mark}{text}{mark}"], odd)

    def _list(self) -> str:
        pool = [text for text in TEXTS if "'" not in text] + self.runs
        items = [f"'{item}'" for item in self.chance.choices(pool, k=self.chance.randint(1, 4))]
        if self.chance.random() < 0.3:
            items[0] = f'"{items[0][1:-1]}"'
        inside = self.chance.choice([",", ", ", " , "]).join(items)
        odd = ["()", "(1)", "('a', 1)", "(a)", f"({inside},)", f"({inside}", "('a' 'b')", "'a'"]
        odd += ["('it''s')", "('\\x61lpha')", "(('a'), ('b'))", "[ 'a' ]", "('a'; 'b')", "(,)"]
        return self._pick([f"({inside})"], odd)

    def _pick(self, usual: list[str], odd: list[str]) -> str:
        return self.chance.choice(usual if self.chance.random() < 0.9 else odd)
