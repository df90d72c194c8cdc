"""Whatever becomes of the venue's words, the ledger ends with what is true (I10, I13, I14, I16)."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_rehearsal import MemoryDisk, Rehearsal


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 80), loses=st.sampled_from([0, 0.1, 0.5]))
def test_any_delay_loss_and_order_of_true_words_ends_in_the_truth(seed, steps, loses) -> None:
    rehearsal = Rehearsal(Random(seed), MemoryDisk(), loses=loses)
    for _ in range(steps):
        rehearsal.step()
    rehearsal.finish()
    rehearsal.check_end()


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    cuts=st.frozensets(st.integers(-200, 200).filter(bool), max_size=12),
)
def test_cut_anywhere_and_begun_again_it_ends_in_the_same_truth(seed, cuts) -> None:
    rehearsal = Rehearsal(Random(seed), MemoryDisk(), cut_at=cuts)
    for _ in range(60):
        rehearsal.step()
    rehearsal.finish()
    rehearsal.check_end()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_cut_at_every_single_boundary_loses_and_doubles_nothing(seed: int) -> None:
    def play(cut_at: frozenset[int]) -> Rehearsal:
        rehearsal = Rehearsal(Random(seed), MemoryDisk(), cut_at=cut_at)
        for _ in range(40):
            rehearsal.step()
        rehearsal.finish()
        rehearsal.check_end()
        return rehearsal

    boundaries = play(frozenset()).applied
    assert boundaries > 40
    for boundary in range(1, boundaries + 1):
        assert play(frozenset([boundary])).cuts == 1  # durable, not told
        play(frozenset([-boundary]))  # not even durable
