"""What was used last is kept; the rest is dropped, and told."""

from impasto.runtime.last_used import LastUsed


def test_the_one_used_longest_ago_is_dropped():
    dropped = []
    kept = LastUsed(2, dropped.append)
    assert kept.add("a", 1) == 1
    kept.add("b", 2)
    assert kept.get("a") == 1  # so that b was used before it
    kept.add("c", 3)
    assert dropped == [2]
    assert [kept.get(key) for key in "abc"] == [1, None, 3]
    assert len(kept) == 2


def test_a_value_is_made_once_while_it_is_kept():
    made = []
    kept = LastUsed(1)

    def make(value):
        made.append(value)
        return value

    for value in (1, 1, 2, 1):
        assert kept.get_or_add(value, lambda value=value: make(value)) == value
    assert made == [1, 2, 1]


def test_a_value_that_is_added_again_replaces_the_first():
    dropped = []
    kept = LastUsed(2, dropped.append)
    kept.add("a", 1)
    kept.add("a", 2)
    assert kept.get("a") == 2
    assert len(kept) == 1
    assert dropped == []
