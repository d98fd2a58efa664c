from __future__ import annotations

from triagent.calibrate.facts import FactSource


def test_no_name_stands_for_two_values():
    source = FactSource(1)
    facts = [fact for _ in range(100) for fact in source.file(4).facts]
    facts += [source.told() for _ in range(50)]
    assert len({fact.key for fact in facts}) == len(facts)


def test_every_setting_of_a_file_stands_in_its_text_once():
    file = FactSource(2, ("Some words in between.",)).file(5)
    for fact in file.facts:
        assert file.text.count(fact.key) == file.text.count(fact.value) == 1


def test_a_seed_gives_the_same_files_again():
    assert FactSource(3).file() == FactSource(3).file()
    assert FactSource(3).file() != FactSource(4).file()


def test_a_question_names_the_file_when_the_fact_stands_in_one():
    source = FactSource(5)
    written, told = source.file().facts[0], source.told()
    assert written.path in written.question and written.path in written.lead
    assert told.key in told.question and told.value not in told.question + told.lead
