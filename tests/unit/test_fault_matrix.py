"""docs/fault-matrix.md: every row has its test, every fault that the console must survive today has a row."""

import ast

from tests.support import fault_matrix
from tests.support.fault_matrix import FAULTS, NEEDED, ROOT, TABLE


def test_the_document_is_what_its_rows_make_of_it():
    assert TABLE.read_text(encoding="utf-8") == fault_matrix.document(fault_matrix.rows())


def test_every_fault_of_this_stage_has_a_row_and_every_row_a_known_fault():
    found = {row.fault for row in fault_matrix.rows()}
    assert not set(NEEDED) - found, "these are not run by any test"
    assert not found - set(FAULTS)


def test_every_row_has_a_test_that_takes_the_table():
    for row in fault_matrix.rows():
        path, _, name = row.test.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        tests = {f.name: f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in tests, f"{row.fault}, {row.case}: {row.test} is gone"
        assert "matrix" in {a.arg for a in tests[name].args.args}, f"{row.test} no longer writes its row"
        words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        assert row.fault in words, f"{row.test} is about something else than {row.fault}"


def test_no_case_stands_there_twice():
    cases = [(row.fault, row.case) for row in fault_matrix.rows()]
    assert len(cases) == len(set(cases))
