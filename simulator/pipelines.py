"""The company's pipelines and stages, and how they change. Ids are those of the CRM that the company uses first.

Stages have a code (a small integer, the position in `STAGES`) for the arrays, and an id for the world. One stage is renamed on
night 5, one is removed on night 8: every deal that stood in it is moved on in that same millisecond, as an administrator's bulk
edit does.
"""

from dataclasses import dataclass

import numpy as np

from simulator.seasons import instant

RENAMED_AT = instant(5) - 9 * 3_600_000
REMOVED_AT = instant(8) - 11 * 3_600_000


@dataclass(frozen=True)
class Stage:
    """One step of a pipeline. `kind` is open, won or lost; `we_act` is false where we wait for the customer."""

    id: str
    pipeline: str
    name: str
    kind: str
    probability: float
    mean_days: float
    we_act: bool = True


@dataclass(frozen=True)
class Pipeline:
    """An ordered set of stages; `code` is its place in `PIPELINES`."""

    id: str
    name: str
    stages: tuple[Stage, ...]


def _pipeline(identity: str, name: str, *rows: tuple[str, str, str, float, float, bool]) -> Pipeline:
    return Pipeline(identity, name, tuple(Stage(row[0], identity, *row[1:]) for row in rows))


PIPELINES = (
    _pipeline(
        "default",
        "New business",
        ("appointmentscheduled", "Appointment scheduled", "open", 0.2, 7, True),
        ("qualifiedtobuy", "Qualified to buy", "open", 0.4, 9, True),
        ("presentationscheduled", "Presentation scheduled", "open", 0.5, 8, True),
        ("decisionmakerboughtin", "Waiting for the decision maker", "open", 0.7, 16, False),
        ("contractsent", "Contract sent", "open", 0.9, 12, False),
        ("closedwon", "Closed won", "won", 1.0, 0, True),
        ("closedlost", "Closed lost", "lost", 0.0, 0, True),
    ),
    _pipeline(
        "72910845",
        "Expansion",
        ("139482201", "Need identified", "open", 0.3, 6, True),
        ("139482202", "Offer sent", "open", 0.6, 10, False),
        ("139482203", "Negotiation", "open", 0.8, 9, True),
        ("139482204", "Won", "won", 1.0, 0, True),
        ("139482205", "Lost", "lost", 0.0, 0, True),
    ),
    _pipeline(
        "72910846",
        "Partners",
        ("139482311", "Introduced", "open", 0.1, 10, True),
        ("139482312", "Joint meeting", "open", 0.25, 12, True),
        ("139482313", "Partner reviews", "open", 0.4, 18, False),
        ("139482314", "Proposal", "open", 0.6, 11, True),
        ("139482315", "Signed", "won", 1.0, 0, True),
        ("139482316", "Declined by partner", "lost", 0.0, 0, True),
        ("139482317", "Not a fit", "lost", 0.0, 0, True),
    ),
)
STAGES = tuple(stage for pipeline in PIPELINES for stage in pipeline.stages)
CODE = {stage.id: code for code, stage in enumerate(STAGES)}
PIPELINE_CODE = {pipeline.id: code for code, pipeline in enumerate(PIPELINES)}

RENAMED = CODE["presentationscheduled"]
NEW_NAME = "Demonstration scheduled"
REMOVED = CODE["139482313"]
REMOVED_INTO = CODE["139482314"]

_MOST = max(sum(stage.kind == "open" for stage in pipeline.stages) for pipeline in PIPELINES)
# OPEN[pipeline, rank] is the code of the open stage at that rank, padded with the last one.
OPEN = np.array(
    [
        (
            [CODE[s.id] for s in p.stages if s.kind == "open"]
            + [CODE[[s for s in p.stages if s.kind == "open"][-1].id]] * _MOST
        )[:_MOST]
        for p in PIPELINES
    ],
    dtype=np.int64,
)
OPEN_COUNT = np.array([sum(s.kind == "open" for s in p.stages) for p in PIPELINES], dtype=np.int64)
WON = np.array([next(CODE[s.id] for s in p.stages if s.kind == "won") for p in PIPELINES], dtype=np.int64)
LOST = np.array([next(CODE[s.id] for s in p.stages if s.kind == "lost") for p in PIPELINES], dtype=np.int64)
LOST_TOO = np.array([[CODE[s.id] for s in p.stages if s.kind == "lost"][-1] for p in PIPELINES], dtype=np.int64)
MEAN_DAYS = np.array([s.mean_days for s in STAGES])
IS_WON = np.array([s.kind == "won" for s in STAGES])
IS_LOST = np.array([s.kind == "lost" for s in STAGES])


def stages_at(pipeline: Pipeline, at: int) -> list[tuple[Stage, str]]:
    """The stages a pipeline has at an instant, in order, each with its name then."""
    return [
        (stage, NEW_NAME if CODE[stage.id] == RENAMED and at >= RENAMED_AT else stage.name)
        for stage in pipeline.stages
        if not (CODE[stage.id] == REMOVED and at >= REMOVED_AT)
    ]


@dataclass(frozen=True)
class LeadStage:
    """One status of a lead: our word, and the CRM's stage."""

    id: str
    status: str
    name: str
    state: str


LEAD_PIPELINE = "lead-pipeline-id"
LEAD_STAGES = (
    LeadStage("new-stage-id", "new", "New", "NEW"),
    LeadStage("1166028801", "mql", "Marketing qualified", "IN_PROGRESS"),
    LeadStage("1166028802", "sql", "Sales qualified", "IN_PROGRESS"),
    LeadStage("qualified-stage-id", "converted", "Converted", "QUALIFIED"),
    LeadStage("unqualified-stage-id", "disqualified", "Disqualified", "UNQUALIFIED"),
    LeadStage("1166028803", "recycled", "Recycled", "IN_PROGRESS"),
)
NEW, MQL, SQL, CONVERTED, DISQUALIFIED, RECYCLED = range(6)
