"""The example bench: its dynamics compared with formulas, its files, and the errors of its instruments."""

from math import exp, log
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from bench import (
    Bench,
    BenchTimeout,
    DebouncedThreshold,
    Fault,
    InstrumentError,
    Limits,
    Motor,
    MotorController,
    PowerSupply,
    Simulation,
    ThermalImage,
    ThermalStage,
    heating_time,
    i2t_trip_time,
    status_frame,
    waveform_svg,
)

DT = 100e-6


def steps(seconds: float) -> range:
    return range(round(seconds / DT))


def test_time_does_not_depend_on_the_division_into_runs() -> None:
    whole, parts = Simulation(lambda _: None, DT), Simulation(lambda _: None, DT)
    whole.run(0.3)
    for _ in range(3):
        parts.run(0.1)
    assert whole.now == parts.now == pytest.approx(0.3)


def test_a_timeout_names_the_condition_and_the_time() -> None:
    with pytest.raises(BenchTimeout, match=r"timed out after 20 ms of simulated time: the trip"):
        Simulation(lambda _: None, DT).run_until(lambda: False, timeout=0.02, what="the trip")


def test_equal_seeds_give_equal_records_and_different_seeds_different_ones() -> None:
    def record(seed: int) -> list[float]:
        bench = Bench(seed=seed)
        bench.scope.arm("rail")
        bench.power_up()
        return bench.scope["rail"]

    assert record(1) == record(1) != record(2)


def test_supply_rises_at_its_slew_rate_and_lags_by_its_regulation_time() -> None:
    psu = PowerSupply()
    psu.slew = 100.0
    psu.set(10.0)
    psu.on()
    for _ in steps(0.05):
        psu.step(DT, 0.0)
    assert psu.volts == pytest.approx(100.0 * (0.05 - psu.data.regulation), rel=0.01)


def test_supply_in_current_limit_charges_its_capacitor_linearly() -> None:
    psu = PowerSupply()
    psu.slew = 1e6
    psu.limit(1.0)
    psu.set(20.0)
    psu.on()
    for _ in steps(0.01):
        psu.step(DT, 0.0)
    assert psu.mode == "CC"
    assert psu.volts == pytest.approx(1.0 * 0.01 / psu.data.capacitance)


def test_bleeder_discharges_with_its_rc_time_constant() -> None:
    psu = PowerSupply()
    psu.volts = 12.0
    tau = psu.data.bleeder * psu.data.capacitance
    for _ in steps(tau):
        psu.step(DT, 0.0)
    assert psu.volts == pytest.approx(12.0 * exp(-1), rel=2e-3)


def test_supply_limits_its_sink_current() -> None:
    psu = PowerSupply()
    psu.set(12.0)
    psu.on()
    for _ in steps(0.05):
        psu.step(DT, 0.0)
    before = psu.volts
    for _ in steps(0.01):
        psu.step(DT, -5.0)
    assert psu.amps == -0.5
    assert psu.volts - before == pytest.approx((5.0 - 0.5) * 0.01 / psu.data.capacitance, rel=0.01)


def test_locked_rotor_current_rises_with_the_winding_time_constant() -> None:
    motor = Motor()
    motor.locked = True
    tau = motor.data.inductance / motor.data.resistance
    for _ in steps(tau):
        motor.step(DT, 12.0)
    assert motor.current == pytest.approx(12.0 / motor.data.resistance * (1 - exp(-1)))


def test_motor_settles_at_the_balance_of_torques_and_of_voltages() -> None:
    motor = Motor()
    motor.brake = 0.1
    for _ in steps(1.0):
        motor.step(DT, 12.0)
    data = motor.data
    assert data.constant * motor.current == pytest.approx(data.friction + 0.1 + data.viscous * motor.speed, rel=1e-3)
    assert motor.back_emf + data.resistance * motor.current == pytest.approx(12.0, rel=1e-3)


def test_motor_accelerates_with_the_mechanical_time_constant() -> None:
    motor = Motor()
    data = motor.data
    final = Motor()
    for _ in steps(1.0):
        final.step(DT, 12.0)
    tau = data.inertia * data.resistance / data.constant**2
    for _ in steps(tau):
        motor.step(DT, 12.0)
    # The winding adds a delay of about L/R, 2 % of tau.
    assert motor.speed / final.speed == pytest.approx(1 - exp(-1), abs=0.02)


def test_friction_stops_a_coasting_motor_and_never_reverses_it() -> None:
    motor = Motor()
    motor.speed = 100.0
    motor.brake = 0.2
    stop = motor.data.inertia * 100.0 / (motor.data.friction + 0.2)
    for _ in steps(0.9 * stop):
        motor.step(DT, None)
    assert motor.speed > 0
    for _ in steps(stop):
        motor.step(DT, None)
    assert motor.speed == 0.0
    assert motor.current == 0.0


@pytest.mark.parametrize("amps", [12.0, 15.0, 20.0, 30.0])
@pytest.mark.parametrize("preload", [0.0, 8.0])
def test_thermal_image_trips_at_the_time_of_the_formula(amps: float, preload: float) -> None:
    image = ThermalImage(rated=10.0, tau=2.0, theta=(preload / 10.0) ** 2)
    simulation = Simulation(lambda dt: tripped.append(image.step(dt, amps)), DT)
    tripped: list[bool] = [False]
    took = simulation.run_until(lambda: tripped[-1], timeout=5.0)
    assert took == pytest.approx(i2t_trip_time(amps, 10.0, 2.0, preload), abs=2 * DT)


def test_thermal_image_never_trips_at_the_rated_current() -> None:
    image = ThermalImage(rated=10.0, tau=2.0)
    assert not any(image.step(0.1, 9.999) for _ in range(1000))
    assert i2t_trip_time(9.999, 10.0, 2.0) == float("inf")


def test_stage_warms_up_with_its_rc_time_constant() -> None:
    stage = ThermalStage(resistance=12.0, capacity=0.042, temperature=25.0)
    for _ in steps(stage.tau):
        stage.step(DT, 2.0, 25.0)
    assert stage.temperature == pytest.approx(25.0 + 24.0 * (1 - exp(-1)), rel=1e-3)
    assert heating_time(stage.temperature - 25.0, 24.0, stage.tau) == pytest.approx(stage.tau, rel=1e-3)


@pytest.mark.parametrize(("trip", "release", "inside", "beyond"), [(12.6, 12.4, 12.5, 13.0), (9.5, 10.2, 9.9, 9.0)])
def test_threshold_has_a_hysteresis_and_a_debounce_time(trip: float, release: float, inside: float, beyond: float) -> None:
    threshold = DebouncedThreshold(trip, release)
    assert not threshold.step(DT, inside, debounce=3 * DT)
    assert not threshold.beyond
    verdicts = [threshold.step(DT, value, debounce=2.5 * DT) for value in (beyond, inside, inside)]
    assert verdicts == [False, False, True]
    safe = 2 * release - trip
    assert not threshold.step(DT, safe, debounce=0.0)
    assert not threshold.beyond


def test_a_short_return_restarts_the_debounce_time() -> None:
    threshold = DebouncedThreshold(12.6, 12.4)
    values = (13.0, 13.0, 12.0, 13.0, 13.0, 13.0)
    assert [threshold.step(DT, value, debounce=2.5 * DT) for value in values] == [False, False, False, False, False, True]


@pytest.mark.parametrize(("celsius", "allowed"), [(25.0, 10.0), (100.0, 10.0), (110.0, 7.5), (120.0, 5.0), (200.0, 5.0)])
def test_derating_is_linear_between_its_ends(celsius: float, allowed: float) -> None:
    controller = MotorController()
    controller.stage.temperature = celsius
    assert controller.current_allowed == pytest.approx(allowed)


@pytest.mark.parametrize(("celsius", "nominal_ms"), [(-40.0, 111.0), (25.0, 78.0), (85.0, 47.6)])
def test_undervoltage_timer_drifts_with_temperature(celsius: float, nominal_ms: float) -> None:
    """The filter adds its delay τ·ln(step / (step - fall to the trip level)); the debounce time is unchanged."""
    limits = Limits(noise_volts=0.0)
    controller = MotorController(limits)
    controller.stage.temperature = celsius
    controller.measured_volts = 12.0
    controller.enable()
    simulation = Simulation(lambda dt: controller.step(dt, 8.0, 0.0, celsius), DT)
    took = simulation.run_until(lambda: controller.tripped, timeout=0.3)
    assert controller.fault is Fault.UNDERVOLTAGE
    assert took * 1e3 == pytest.approx(nominal_ms + limits.filter_tau * 1e3 * log(4.0 / 1.5), abs=0.25)


def test_the_bridge_has_no_losses() -> None:
    bench = Bench()
    bench.power_up()
    bench.controller.drive(0.5)
    bench.motor.brake = 0.1
    bench.run(0.6)
    quiescent = bench.controller.limits.quiescent_amps
    fed = bench.psu.volts * (bench.controller.input_amps(bench.output_amps) - quiescent)
    output = (bench.controller.output(bench.psu.volts) or 0.0) * bench.output_amps
    assert fed == pytest.approx(output)
    assert output > 10


def test_an_open_bridge_draws_only_its_quiescent_current() -> None:
    bench = Bench()
    bench.power_up()
    bench.controller.disable()
    assert bench.controller.output(12.0) is None
    assert bench.controller.input_amps(5.0) == bench.controller.limits.quiescent_amps


def test_halving_the_step_changes_a_start_by_less_than_two_percent() -> None:
    def speed(dt: float) -> float:
        bench = Bench(dt=dt)
        bench.power_up()
        bench.controller.drive(1.0)
        bench.run(0.1)
        return bench.motor.speed

    assert speed(100e-6) == pytest.approx(speed(50e-6), rel=0.02)


def test_scope_finds_crossings_and_otherwise_names_the_range() -> None:
    bench = Bench()
    bench.scope.arm("rail")
    bench.power_up(10.0)
    assert bench.scope.first("rail", above=5.0) < bench.scope.first("rail", above=9.0)
    with pytest.raises(InstrumentError, match=r"'rail' is never above 20.0 after 0 ms; it is .* … 10\.0"):
        bench.scope.first("rail", above=20.0)


def test_scope_records_only_while_armed_and_deletes_its_record_when_armed() -> None:
    bench = Bench()
    bench.run(0.01)
    assert bench.scope.t == []
    bench.scope.arm("rail", "gate")
    bench.run(0.01)
    bench.scope.stop()
    bench.run(0.01)
    assert len(bench.scope.t) == len(bench.scope["gate"]) == 100
    bench.scope.arm("rail")
    assert bench.scope.t == []
    with pytest.raises(InstrumentError, match="'gate' is not recorded"):
        bench.scope["gate"]


def test_multimeter_takes_simulated_time_and_averages_the_noise() -> None:
    bench = Bench()
    bench.power_up(12.0)
    before = bench.simulation.now
    assert bench.dmm.read("rail") == pytest.approx(12.0, abs=1e-3)
    assert bench.simulation.now - before == pytest.approx(bench.dmm.aperture)


def test_can_log_has_periodic_frames_and_is_complete_after_stop(tmp_path: Path) -> None:
    bench = Bench()
    log = bench.can.record(tmp_path / "bus.asc")
    bench.power_up(12.0)
    bench.run(0.05)
    assert "End TriggerBlock" not in log.path.read_text("ascii")
    log.stop()
    bench.run(0.05)  # frames after the stop are not logged
    lines = log.path.read_text("ascii").splitlines()
    assert lines[1].startswith("base hex  timestamps absolute")
    assert lines[-1] == "End TriggerBlock"
    frames = [line.split() for line in lines[4:-1]]
    times = [float(frame[0]) for frame in frames]
    assert times[1:] == pytest.approx([0.01 * (place + 1) for place in range(len(times) - 1)])
    assert times[-1] == pytest.approx(0.06)
    assert {tuple(frame[1:6]) for frame in frames} == {("1", "101", "Rx", "d", "8")}
    last = bytes.fromhex("".join(frames[-1][6:]))
    assert int.from_bytes(last[:2], "big") / 100 == pytest.approx(12.0, abs=0.02)
    assert [int(frame[-1], 16) for frame in frames] == list(range(len(frames)))


def test_status_frame_encodes_current_temperature_duty_and_fault() -> None:
    controller = MotorController()
    controller.stage.temperature = -40.0
    controller.duty = 0.5
    controller.fault = Fault.OVERCURRENT
    assert status_frame(controller, amps=-1.5, counter=300) == bytes.fromhex("0000 ff6a 00 64 03 2c")


def test_diagnostics_name_the_latched_fault() -> None:
    bench = Bench()
    bench.motor.locked = True
    bench.power_up()
    assert bench.controller.diagnostics()["fault"] is None
    bench.controller.drive(1.0)
    bench.run_until(lambda: bench.controller.tripped, timeout=0.3)
    diagnostics = bench.controller.diagnostics()
    assert (diagnostics["fault"], diagnostics["bridge_closed"]) == ("overcurrent", False)
    assert diagnostics["rail_V"] == pytest.approx(12.0, abs=0.1)


def test_waveform_has_a_panel_for_each_channel_inside_the_picture() -> None:
    times = [0.0, 1e-3, 2e-3]
    svg = ET.fromstring(waveform_svg("Rail < 9.5 V & rising", times, {"rail [V]": [8.0, 9.0, 12.0], "gate": [0, 0, 0]}))
    space = "{http://www.w3.org/2000/svg}"
    rail, gate = (
        [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        for line in svg.iter(f"{space}polyline")
    )
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    assert all(0 <= x <= width and 0 <= y <= height for x, y in rail + gate)
    assert [x for x, _ in rail] == [x for x, _ in gate] == sorted(x for x, _ in rail)
    (_, lowest), (_, quarter), (_, highest) = rail
    assert highest < lowest  # y counts downwards
    assert (lowest - quarter) / (lowest - highest) == pytest.approx(0.25, abs=0.01)
    words = [text.text for text in svg.iter(f"{space}text")]
    assert {"Rail < 9.5 V & rising", "rail [V]", "8.00", "12.00", "gate", "0.0 ms", "2.0 ms"} <= set(words)


ERRORS = {
    "supply: 31 V is outside 0 … 30 V": lambda bench: bench.psu.set(31),
    "supply: a current limit of 0 A is outside": lambda bench: bench.psu.limit(0),
    r"scope: unknown channels \['torque'\]": lambda bench: bench.scope.arm("torque"),
    "multimeter: unknown channel 'torque'": lambda bench: bench.dmm.read("torque"),
}


@pytest.mark.parametrize("message", ERRORS, ids=["volts", "limit", "scope", "multimeter"])
def test_instruments_reject_invalid_values_with_a_message(message: str) -> None:
    with pytest.raises(InstrumentError, match=message):
        ERRORS[message](Bench())
