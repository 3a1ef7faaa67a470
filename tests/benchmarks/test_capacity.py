from benchmarks.capacity import (
    BUSY,
    CHANGES_PER_MINUTE,
    SOCKETS_PER_USER,
    STORM_SECONDS,
    USERS,
    Costs,
    measured,
    need,
    table,
)
from tests.support.site import ROOT

COSTS = Costs(delivery=30e-6, idle=10e-6, connect=1.5e-3, memory=40_000, publishes_per_second=10_000)


def test_a_few_users_need_one_process_and_one_shard():
    assert need(COSTS, 10, 2, 1).processes == 1
    assert need(COSTS, 10, 2, 1).shards == 1


def test_processes_grow_with_steady_work():
    busy = need(COSTS, 100_000, 2, 600)
    per_second = 100_000 * 600 / 60
    assert busy.processes == -(-(per_second * 2 * COSTS.delivery + 200_000 * COSTS.idle) // BUSY)


def test_a_storm_of_all_sockets_fits_into_its_time():
    quiet = need(COSTS, 1_000_000, 2, 0)
    assert quiet.processes * STORM_SECONDS >= 2_000_000 * COSTS.connect


def test_shards_grow_with_what_is_published():
    assert need(COSTS, 600_000, 2, 1).shards == 2


def test_the_page_has_the_table_that_the_recorded_figures_give():
    page = (ROOT / "docs/scaling.md").read_text()
    assert table(measured(), USERS, SOCKETS_PER_USER, CHANGES_PER_MINUTE) in page
