from notifications.ground.metrics import Metrics
from notifications.hub.last_hour import MINUTES, LastHour
from notifications.operations.charts import HEIGHT, charts


def delivered(counted: Metrics, count: int, microseconds: int) -> None:
    counted.deliveries += count
    for _ in range(count):
        counted.commit_to_socket.observe(microseconds)


def test_n4_each_minute_has_its_own_deliveries():
    counted = Metrics()
    delivered(counted, 7, 900)  # before: of no minute
    hour = LastHour(counted)
    hour.turn(60.0)
    delivered(counted, 3, 900)
    hour.turn(120.0)
    delivered(counted, 2, 4_000)
    past, now = hour.minutes()[1:]
    assert (past.at, past.deliveries, past.buckets[:3]) == (60, 3, [3, 0, 0])
    assert (now.at, now.deliveries, now.buckets[:3]) == (120, 2, [0, 0, 2])


def test_n4_no_more_than_an_hour_is_kept():
    hour = LastHour(Metrics())
    for minute in range(200):
        hour.turn(60.0 * minute)
    assert [each.at for each in hour.minutes()] == [60 * minute for minute in range(200 - MINUTES, 200)]


def test_n4_the_minutes_of_all_processes_are_added():
    one, other = Metrics(), Metrics()
    hours = [LastHour(one), LastHour(other)]
    for hour in hours:
        hour.turn(7200.0)
    delivered(one, 99, 900)
    delivered(other, 1, 90_000)
    deliveries, latency = charts([hour.minutes() for hour in hours], 7230.0)
    assert [(bar.height, bar.label) for bar in deliveries.bars] == [(HEIGHT, "02:00: 100")]
    assert latency.most == "1 ms"
    delivered(other, 9, 90_000)
    _, latency = charts([hour.minutes() for hour in hours], 7230.0)
    assert latency.most == "100 ms"


def test_n4_what_took_longer_than_every_bound_is_seen():
    counted = Metrics()
    hour = LastHour(counted)
    hour.turn(7200.0)
    delivered(counted, 1, 60_000_000)
    _, latency = charts([hour.minutes()], 7230.0)
    assert latency.most == "10000 ms"


def test_n4_an_hour_without_deliveries_has_no_bars():
    for chart in charts([], 7200.0):
        assert (chart.bars, chart.most[0]) == ([], "0")
