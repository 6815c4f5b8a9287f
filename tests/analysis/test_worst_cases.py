"""The report section about margins."""

from tests.support.tables import table

from pytest_atlas.analysis.history import histories
from pytest_atlas.analysis.measurements import RunMeasurements, read_rows
from pytest_atlas.analysis.worst_cases import margins_section

HEADER = (
    "test,name,value,unit,low,high,verdict,exclusive,marginal_low,marginal_high,uncertainty,k,rule,accepted_low,accepted_high,"
    "point,points,points_out,data_file,na\n"
)


def row(line: str) -> str:
    """Return the row of the table about this line of a file."""
    found = RunMeasurements()
    with table(HEADER + line) as opened:
        found.add(read_rows(opened), "Card")
    section = margins_section(histories(found.valid({}), {}))
    assert section
    return next(line for line in section.body.splitlines() if line.startswith("| t > "))


def test_acceptance_limits_are_next_to_the_limits_and_decide_the_margin() -> None:
    shown = row("t,rail,12.46,V,12.45,12.55,fail,,,,0.02,2.0,guard,12.47,12.53,,,,,")
    assert "| 12.46 V | 12.45 … 12.55 V; accepted 12.47 … 12.53 V; U = 0.02 V | -0.01 V |" in shown
    assert "**out**" in shown


def test_with_the_simple_rule_only_the_uncertainty_is_added() -> None:
    assert "| 12.45 … 12.55 V; U = 0.02 V | 0.01 V |" in row(
        "t,rail,12.46,V,12.45,12.55,pass,,,,0.02,2.0,simple,12.45,12.55,,,,,"
    )


def test_the_worst_point_is_named_by_its_coordinates() -> None:
    shown = row("t,gain,-3.2,dB,-3.0,,fail,,,,,,,,,f = 1 kHz,1000,3,gain over f.csv,")
    assert "-3.2 dB at f = 1 kHz (1,000 points, 3 out of limits)" in shown


def test_a_marginal_value_and_exclusive_limits_are_marked() -> None:
    assert "| &#60; 100 ms | 2 ms | 2 % | marginal |" in row("t,trip,98,ms,,100,marginal,high,,95,,,,,,,,,,")


def test_a_measurement_that_is_not_applicable_has_its_reason() -> None:
    assert "not applicable: no DC/DC fitted" in row("t,dc,,A,,,none,,,,,,,,,,,,,no DC/DC fitted")


def test_a_regular_expression_is_not_a_distance() -> None:
    cell = r"matches SN-\d"
    shown = row(f"t,sn,SX-1,,{cell},{cell},fail,,,,,,,,,,,,,")
    assert "matches SN-" in shown
    assert "**out**" in shown
