"""What is in the way of other scenarios, and so comes last."""

from scenarios.making import put_type
from twins import Twin


def asks_for_external_ids_across_kinds(twin: Twin) -> None:
    put_type(twin, "Artifact", "across", {}, external_id="across kinds")
    put_type(twin, "Execution", "across", {}, external_id="across kinds", differs="D15")
    twin("GetExecutionType", type_name="across", differs="D15")
