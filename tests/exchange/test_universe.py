"""The generated universe: what Gamma would send, with the kinds a selection must tell apart."""

from collections import Counter

from polyframe.exchange.recording import market_token_ids
from polyframe.exchange.simulation.universe import generate_listings, generate_universe
from polyframe.model import MarketSpec
from polyframe.polymarket.gamma_market import parse_market

START_NS = 1_800_000_000 * 10**9
HOUR_NS = 3_600 * 10**9


def test_the_same_seed_gives_the_same_universe() -> None:
    assert generate_universe(7, 50, START_NS) == generate_universe(7, 50, START_NS)
    assert generate_universe(7, 50, START_NS) != generate_universe(8, 50, START_NS)


def test_every_market_is_read_by_polyframes_own_reader_and_is_unique() -> None:
    specs = [parse_market(one) for one in generate_universe(7, 300, START_NS)]
    assert all(isinstance(one, MarketSpec) for one in specs)
    assert len({one.market_id for one in specs}) == 300
    assert len({token for one in specs for token in one.token_ids}) == 600
    assert len({one.category for one in specs}) >= 8
    assert {one.tick_e4 for one in specs} == {100, 10}
    assert {one.fees.rate for one in specs} >= {0.0, 0.04, 0.05, 0.07}
    assert all(one.min_size_e6 == 5_000_000 for one in specs)


def test_more_than_half_is_ordinary_and_every_other_kind_is_there() -> None:
    listings = generate_listings(7, 300, START_NS)
    ordinary = [
        one
        for one in listings
        if one.kind in ("lively", "calm") and one.end_ns - START_NS > 72 * HOUR_NS
    ]
    assert len(ordinary) >= 0.55 * len(listings)
    for one in ordinary:
        rules = one.gamma["description"]
        assert not one.gamma["negRisk"]
        assert one.gamma["resolutionSource"] in rules
        for part in ("11:59 PM ET", "exactly equal", "postponed", "canceled"):
            assert part in rules
    kinds = {one.kind for one in listings}
    assert kinds == {
        "lively", "calm", "neg_risk", "vague", "last_day", "last_three_days", "past_end",
        "no_end", "dead", "wild", "hostile", "together",
    }  # fmt: skip
    specs = {one.kind: parse_market(one.gamma) for one in listings}
    assert specs["no_end"].end_ns is None
    assert specs["past_end"].end_ns < START_NS
    assert specs["past_end"].accepting_orders
    assert 0 < specs["last_day"].end_ns - START_NS < 24 * HOUR_NS
    assert specs["wild"].game_start_ns < START_NS
    assert "consensus of credible reporting" in specs["vague"].rules
    statuses = {parse_market(one.gamma).uma_statuses for one in listings}
    assert {(), ("proposed",), ("proposed", "disputed")} <= statuses


def test_exclusive_markets_share_one_event_with_an_other() -> None:
    listings = [one for one in generate_listings(7, 300, START_NS) if one.kind == "neg_risk"]
    events: dict[str, list] = {}
    for one in listings:
        spec = parse_market(one.gamma)
        assert spec.neg_risk
        events.setdefault(spec.market_event_id, []).append((one, spec))
    assert len(events) >= 4
    for members in events.values():
        assert len({one.belief_id for one, _ in members}) == 1
        assert [one.outcome_index for one, _ in members] == list(range(len(members)))
        if len(members) >= 4:
            assert members[-1][1].group_item_title == "Other"
            assert all(spec.neg_risk_augmented for _, spec in members)


def test_markets_of_one_event_that_do_not_exclude_each_other_are_one_cluster() -> None:
    listings = [one for one in generate_listings(7, 300, START_NS) if one.kind == "together"]
    specs = [parse_market(one.gamma) for one in listings]
    assert sorted(Counter(spec.market_event_id for spec in specs).values()) == [6, 6]
    assert not any(spec.neg_risk for spec in specs)
    assert len({one.belief_id for one in listings}) == len(listings)
    assert len({spec.question for spec in specs}) == len(specs)


def test_a_small_universe_has_the_size_asked_for() -> None:
    for count in (4, 5, 13, 37):
        gamma = generate_universe(1, count, START_NS)
        assert len(gamma) == count
        assert all(len(market_token_ids(one)) == 2 for one in gamma)


def test_a_profile_is_a_universe_of_one_character() -> None:
    def kinds(profile: str) -> Counter[str]:
        return Counter(one.kind for one in generate_listings(7, 100, START_NS, profile=profile))

    assert kinds("calm").keys() == {"calm", "together", "neg_risk"}
    assert kinds("busy").keys() == {"lively", "updown", "neg_risk"}
    assert kinds("in_play") == {"in_play": 75, "upcoming": 25}
    assert kinds("hostile") == {"hostile": 100}
    for profile in ("calm", "busy", "in_play", "hostile"):
        specs = [parse_market(one) for one in generate_universe(7, 100, START_NS, profile)]
        assert all(isinstance(one, MarketSpec) for one in specs)
        assert len({token for one in specs for token in one.token_ids}) == 200


def test_games_begin_before_they_end_and_say_what_it_means() -> None:
    for one in generate_listings(7, 100, START_NS, profile="in_play"):
        assert one.gamma["clearBookOnStart"]
        assert one.gamma["secondsDelay"] == 3
        assert one.game_start_ns < one.end_ns
        assert (one.game_start_ns > START_NS) is (one.kind == "upcoming")
        assert one.in_play.shy_s > 0


def test_depths_differ_from_market_to_market_where_the_profile_says_so() -> None:
    def sizes(profile: str) -> set[float]:
        listings = generate_listings(7, 60, START_NS, profile=profile)
        return {one.character.level_shares[0] for one in listings if one.kind in ("calm", "lively")}

    assert len(sizes("calm")) > 40
    assert max(sizes("calm")) > 10 * min(sizes("calm"))
    assert len(sizes("mixed")) < 20, "there only the category makes a difference"
