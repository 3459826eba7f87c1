from __future__ import annotations

import pytest

from bench.h2load import Run, Unusable, by_status, milliseconds, read

PRINTED = """\
starting benchmark...
progress: 100% done

finished in 1.50s, 2000.25 req/s, 93.75KB/s
requests: {asked} total, {asked} started, {asked} done, {succeeded} succeeded, {failed} failed, 0 errored, 0 timeout
status codes: {ok} 2xx, 0 3xx, {other} 4xx, 0 5xx
traffic: 140.66KB (144034) total, 12.00KB (12288) headers (space savings 93.10%), 84.00KB (86016) data
                     min         max         mean         sd        +/- sd
time for request:      401us      3.01ms       490us       120us    90.00%
"""


def printed(asked: int = 3000, succeeded: int = 3000, ok: int = 3000) -> str:
    failed, other = asked - succeeded, succeeded - ok
    return PRINTED.format(asked=asked, succeeded=succeeded, failed=failed, ok=ok, other=other)


def test_what_h2load_prints_is_read() -> None:
    assert read(printed()) == Run(rate=2000.25, asked=3000, data=86016)


@pytest.mark.parametrize("failure", [{"succeeded": 2999}, {"ok": 2999}])
def test_one_failure_spoils_the_run(failure: dict[str, int]) -> None:
    with pytest.raises(Unusable, match="of 3000 requests"):
        read(printed(**failure))


def test_output_of_another_form_spoils_the_run() -> None:
    with pytest.raises(Unusable, match="'data'"):
        read(printed().replace("traffic:", "bytes:"))


def test_each_requests_time_is_read_from_the_log() -> None:
    assert milliseconds("1700000000000000\t200\t1500\n1700000000000100\t204\t250\n") == [1.5, 0.25]


def test_a_refusal_in_the_log_spoils_the_run() -> None:
    with pytest.raises(Unusable, match="status 503"):
        milliseconds("1700000000000000\t503\t1500\n")


def test_times_are_told_apart_by_status_where_refusals_are_expected() -> None:
    log = "1700000000000000\t200\t1500\n1700000000000100\t503\t250\n1700000000000200\t200\t2000\n"
    assert by_status(log) == {200: [1.5, 2.0], 503: [0.25]}
