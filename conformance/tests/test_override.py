"""`--override OP=MODULE:FUNCTION`: one function judged in place of a backend's own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnspec import ArgumentError, Backend, backend_class
from nnspec.results import Check, read_results
from nnspec_conformance.overrides import load_overrides, overriding
from nnspec_conformance.session import Session

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
#: excused for whatever it does to relu
DEVIATES = "broken_backends:WithKnownDeviation"


def judged(given: str, override: str, only: str | None = None, dtype: str = "float32") -> list[Check]:
    session = Session((given,), only=only, dtypes=(dtype,), overrides=(override,))
    return [check for item in session.items for check in session.run(item, [])]


def verdicts(checks: list[Check]) -> dict[str, str]:
    return {f"{check.case} {check.check}": check.verdict for check in checks}


# -- what is judged ------------------------------------------------------------------------------------------


def test_only_cases_of_what_is_overridden_are_judged() -> None:
    session = Session(("torch",), overrides=("silu=my_kernels:silu", "relu=my_kernels:relu_forward"))
    assert {item.case.operation for item in session.items} == {"silu", "relu"}
    assert {item.dtype for item in session.items} == {"float32", "float64", "float16", "bfloat16"}


def test_a_pattern_wins() -> None:
    session = Session(("torch",), only="elu", overrides=("silu=my_kernels:silu",))
    assert {item.case.operation for item in session.items} == {"elu"}


def test_a_sound_function_passes_and_an_unsound_one_fails() -> None:
    sound = judged("torch", "silu=my_kernels:silu")
    assert {check.verdict for check in sound} == {"pass"}
    assert {check.implementation for check in sound} == {"override"}
    unsound = judged("torch", "silu=my_kernels:silu_off", "silu/unit")
    assert verdicts(unsound)["silu/unit values"] == "fail"
    assert unsound[0].repro == "nnspec conform torch --override silu=my_kernels:silu_off --only 'silu/unit'"


def test_it_is_called_where_other_operations_call_it() -> None:
    own = backend_class("numpy")
    overridden = overriding(own, load_overrides(["relu=my_kernels:doubled_relu"]))
    assert (overridden().implementation("relu"), overridden().implementation("sigmoid")) == ("override", "native")
    prediction = np.asarray([0.5], np.float32)
    assert float(overridden().hinge(prediction, prediction * 2)) == 2 * float(own().hinge(prediction, prediction * 2))


def test_the_trunk_validates_before_it() -> None:
    found = judged("torch", "layer_norm=my_kernels:never_called", "layer_norm/error-*")
    assert found
    assert {check.verdict for check in found} == {"pass"}


def test_deviations_of_the_backend_excuse_no_other_function() -> None:
    session = Session((DEVIATES,), only="relu/unit", dtypes=("float32",))
    assert "waived" in {check.verdict for item in session.items for check in session.run(item, [])}
    found = judged(DEVIATES, "relu=my_kernels:doubled_relu", "relu/unit")
    assert verdicts(found)["relu/unit values"] == "fail"
    assert all(check.waiver is None for check in found)


# -- backwards -----------------------------------------------------------------------------------------------


def test_a_function_of_autograd_is_differentiated_as_it_is() -> None:
    found = verdicts(judged("torch", "relu=my_kernels:relu_with_a_kink"))
    wrong = {name for name, verdict in found.items() if verdict != "pass"}
    assert wrong == {"relu/kink gradients", "relu/subnormal gradients"}


def test_a_function_without_backward_is_unsupported() -> None:
    found = judged("torch", "relu=my_kernels:relu_forward", "relu/unit")
    assert verdicts(found)["relu/unit values"] == "pass"
    (gradients,) = (check for check in found if check.check == "gradients")
    assert gradients.verdict == "unsupported"
    assert "You must implement" in gradients.message


def test_a_custom_vjp_is_judged_on_jax() -> None:
    sound = verdicts(judged("jax", "silu=my_jax_kernels:silu", "silu/unit"))
    assert (sound["silu/unit values"], sound["silu/unit gradients"]) == ("pass", "pass")
    wrong = verdicts(judged("jax", "silu=my_jax_kernels:silu_without_a_term", "silu/unit"))
    assert (wrong["silu/unit values"], wrong["silu/unit gradients"]) == ("pass", "fail")


def test_a_plain_function_of_numpy_has_values_and_says_how_to_give_it_a_backward() -> None:
    found = judged("numpy", "relu=my_kernels:plain_relu", "relu/unit")
    assert verdicts(found)["relu/unit values"] == "pass"
    (gradients,) = (check for check in found if check.check == "gradients")
    assert gradients.verdict == "unsupported"
    assert "nnspec.tape.kernel(forward, backward)" in gradients.message


def test_a_kernel_of_the_tape_is_differentiated() -> None:
    assert set(verdicts(judged("numpy", "relu=my_kernels:kernel_relu")).values()) == {"pass"}


def test_a_function_that_fails_anyway_is_no_matter_of_the_tape() -> None:
    (gradients,) = (c for c in judged("numpy", "relu=my_kernels:raises", "relu/unit") if c.check == "gradients")
    assert (gradients.verdict, gradients.message) == ("error", "RuntimeError: out of order")


# -- what it does not take -----------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["silu_without_beta", "silu_that_hands_on"])
def test_an_option_it_lacks_is_unsupported_where_it_is_not_the_default(function: str) -> None:
    found = judged("torch", f"silu=my_kernels:{function}")
    by_case = {name: verdict for name, verdict in verdicts(found).items() if name.endswith(" values")}
    lacking = {name for name, verdict in by_case.items() if verdict == "unsupported"}
    assert lacking
    assert all("beta" in name for name in lacking)
    assert {verdict for name, verdict in by_case.items() if name not in lacking} == {"pass"}
    assert all("beta" in check.message for check in found if check.verdict == "unsupported")


def test_dtypes_that_are_declared_are_those_that_are_judged() -> None:
    session = Session(("torch",), overrides=("silu=my_kernels:silu_in_float32",))
    assert {item.dtype for item in session.items} == {"float32"}
    with pytest.raises(ArgumentError, match="nothing of silu is to be judged in profiles double"):
        _ = Session(("torch",), profiles=("double",), overrides=("silu=my_kernels:silu_in_float32",)).items


def test_low_dtypes_that_are_declared_reach_the_function() -> None:
    (own,) = load_overrides(["silu=my_kernels:silu_in_bfloat16"]).values()
    backend = overriding(backend_class("torch"), {"silu": own})
    assert "silu" in backend.native_low
    assert set(verdicts(judged("torch", f"{own}", dtype="bfloat16")).values()) == {"pass"}
    assert "fail" in verdicts(judged("torch", "silu=my_kernels:silu_rounded_twice", dtype="bfloat16")).values()


def test_low_dtypes_that_are_not_declared_are_widened() -> None:
    """Though torch's own silu takes them itself."""
    assert "silu" in backend_class("torch").native_low
    backend = overriding(backend_class("torch"), load_overrides(["silu=my_kernels:silu_of_float32"]))
    made = backend(dtype="bfloat16")
    assert made.silu(made.asarray([1.0])).dtype == made.asarray([1.0]).dtype


def test_a_dtype_that_is_not_declared_is_unsupported_where_others_call_it() -> None:
    backend = overriding(backend_class("torch"), load_overrides(["silu=my_kernels:silu_in_float32"]))
    made = backend(dtype="float64")
    with pytest.raises(NotImplementedError, match="silu_in_float32 declares float32, got float64"):
        made.silu(made.asarray([1.0]))


# -- which argument goes where -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("by_position", ("x", "w", "b", -1, 1e-5)),
        ("by_name", ("x", "w", "b", -1, 1e-5)),
        ("in_another_order", ("x", "w", "b", -1, 1e-5)),
        ("with_stars", (("x", "w", "b"), {"axis": -1, "eps": 1e-5})),
        ("without_affine", ("x", 1e-5)),
    ],
)
def test_arguments_reach_the_parameters_of_the_same_name_or_place(function: str, expected: object) -> None:
    (override,) = load_overrides([f"layer_norm=signatures:{function}"]).values()
    arguments = {"x": "x", "weight": "w", "bias": "b", "axis": -1, "eps": 1e-5}
    if function == "without_affine":
        arguments |= {"weight": None, "bias": None}
    assert override(arguments) == expected


def test_every_operation_fits_a_function_of_its_signature() -> None:
    operations = Backend.operations()
    overrides = load_overrides([f"{name}=signatures:functions.{name}" for name in operations])
    for name, op in operations.items():
        names = [p.name for p in list(op.signature.parameters.values())[1:]]
        assert overrides[name]({name: name for name in names}) == names


# -- bad input -----------------------------------------------------------------------------------------------

BAD = {
    "form": ("silu", "expected OP=MODULE:FUNCTION, such as gelu=my_kernels:fast_gelu, got 'silu'"),
    "no function in it": ("silu=my_kernels", "expected OP=MODULE:FUNCTION"),
    "operation": ("layernorm=my_kernels:silu", "no operation is named 'layernorm'; did you mean layer_norm"),
    "module": ("silu=no_kernels:silu", "cannot import no_kernels (ModuleNotFoundError: No module named 'no_kernels')"),
    "module that fails": ("silu=failing_kernels:silu", "cannot import failing_kernels (RuntimeError: no GPU here)"),
    "function": ("silu=my_kernels:sliu", "there is no 'sliu' in my_kernels; did you mean silu?"),
    "no function": ("silu=my_kernels:number", "my_kernels:number is no function but 3"),
    "class": ("relu=my_kernels:Relu", "for a torch.autograd.Function name one that calls its apply"),
    "missing": ("group_norm=my_kernels:group_norm_without_groups", "takes no groups, which group_norm always has"),
    "foreign": ("layer_norm=my_kernels:layer_norm_of_torch", "needs normalized_shape, which layer_norm does not have"),
    "dtypes": ("silu=my_kernels:silu_of_dtypes", "dtypes: expected some of float32, float64, float16, bfloat16, got"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_overrides_are_refused(name: str) -> None:
    given, words = BAD[name]
    with pytest.raises(ArgumentError, match=re.escape(words)):
        load_overrides([given])


def test_one_operation_twice_is_refused() -> None:
    with pytest.raises(ArgumentError, match="silu is given twice: silu=my_kernels:silu and silu=my_kernels:silu_off"):
        load_overrides(["silu=my_kernels:silu", "relu=my_kernels:plain_relu", "silu=my_kernels:silu_off"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("torch", "--override", "gleu=my_kernels:silu"), "nnspec: override: no operation is named 'gleu'"),
        (("torch", "--override", "silu=my_kernels:sliu"), "nnspec: override: my_kernels:sliu: there is no 'sliu'"),
        (("--override", "silu=my_kernels:silu"), "nnspec: override: name the backend whose arrays"),
    ],
)
def test_the_command_says_it_in_a_line(nnspec_command, arguments: tuple[str, ...], words: str) -> None:
    done = nnspec_command("conform", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(words)
    assert len(done.stderr.strip().splitlines()) == 1


# -- the command ---------------------------------------------------------------------------------------------


def test_results_and_report_say_that_it_was_not_the_backends_own(nnspec_command, tmp_path: Path) -> None:
    override = "silu=my_kernels:silu_without_beta"
    path, report = tmp_path / "results.jsonl", tmp_path / "report.md"
    done = nnspec_command(
        *("conform", "torch", "-n", 1, "--override", override, "--profile", "inference", "--only", "silu/beta*"),
        *("--results", path, "--report", report),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "UNSUPPORTED silu/beta" in done.stdout
    assert f"--override {override} --only" in done.stdout
    assert "silu is my_kernels:silu_without_beta, not the backend's own" in done.stdout
    header = read_results(path).header
    assert header.overrides["silu"].function == "my_kernels:silu_without_beta"
    assert len(header.overrides["silu"].digest) == 16
    assert header.backends[0].implementations["silu"] == "override"
    assert override in header.command
    text = report.read_text().replace("\\_", "_")
    assert "torch with my_kernels:silu_without_beta (cpu)" in text
    assert "The run judged my_kernels:silu_without_beta as silu, and not the backend's own." in text
    assert "(override)" in text


def test_an_operation_that_no_case_is_judged_of_is_warned_of(nnspec_command) -> None:
    done = nnspec_command("conform", "numpy", "-n", 1, "--only", "relu/unit", "--override", "silu=my_kernels:silu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning: silu is my_kernels:silu, not the backend's own; no case of silu matches" in done.stdout


def test_the_pytest_plugin_takes_it(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def silu(x, *, beta):\n    return x\n")
    command = [sys.executable, "-m", "pytest", "--pyargs", "nnspec_conformance", "-q", "-p", "no:cacheprovider"]
    options = ["--nnspec-backend=torch", "--nnspec-override=silu=mine:silu", "--nnspec-only=silu/unit"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL silu/unit values on torch (float32, override)" in done.stdout
    assert "nnspec conform torch --override silu=mine:silu --only 'silu/unit'" in done.stdout
    absent = [option.replace("mine:silu", "mine:gelu") for option in options]
    done = subprocess.run([*command, *absent], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "nnspec: override: mine:gelu: there is no 'gelu' in mine" in done.stderr


# -- the example ---------------------------------------------------------------------------------------------


def shown(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_usual_test_lets_the_mistake_of_the_example_through() -> None:
    command = [sys.executable, "custom_kernel.py"]
    done = subprocess.run(command, cwd=ROOT / "examples", capture_output=True, text=True, check=True)
    assert done.stdout in shown("spec/docs/custom-kernels.md")
    assert done.stdout.count("passes at rtol=1e-2, atol=1e-2") == 2


@pytest.mark.parametrize("function", ["fused_layer_norm", "hasty_layer_norm"])
def test_the_suite_does_not(function: str) -> None:
    command = [sys.executable, "-m", "nnspec", "conform", "torch", "-n", "1", "--only", "layer_norm/rows"]
    command += ["--override", f"layer_norm=custom_kernel:{function}"]
    done = subprocess.run(command, cwd=ROOT / "examples", capture_output=True, text=True, check=False)
    if function == "fused_layer_norm":
        assert done.returncode == 0, done.stdout + done.stderr
        return
    assert done.returncode == 1
    first = "".join(done.stdout.splitlines(keepends=True)[:4])
    assert first.startswith("FAIL layer_norm/rows values")
    for page in ("README.md", "spec/docs/custom-kernels.md"):
        assert first in shown(page), page
