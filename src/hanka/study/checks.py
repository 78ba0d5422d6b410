"""What a resolved study asks, checked against its tasks, methods and bases: words that mean nothing here are one line."""

from __future__ import annotations

from hanka.errors import nearest
from hanka.records import RELATIONS, TASK_KINDS
from hanka.study.resolved import Study
from hanka.study.source import Key, StudySource
from hanka.tasks.base import FIELD, Task
from hanka.tasks.messages import MESSAGES, asks_messages


def check_evaluation(source: StudySource, study: Study) -> None:
    """Check what `eval` and `train` say against tasks and methods."""
    words = {*TASK_KINDS, *study.tasks}
    for name, extra in (("shots", set()), ("limit", {"harness"}), ("prompts", set(RELATIONS))):
        value = getattr(study.spec.eval, name)
        for word in value if isinstance(value, dict) else ():
            if word not in words | extra:
                raise source.error(
                    ("eval", name, word),
                    f"{word!r} is no task of the study and no task kind: {nearest(word, words | extra)}",
                )
    for use in study.tasks.values():
        if not use.task.is_prompted:
            _check_nothing_asked(source, study, use.task)
            continue
        asked: list[tuple[Key, str]] = []
        for rel in RELATIONS:
            asked += [(("eval", "prompts"), prompt) for prompt in study.prompts(use.task, rel)]
        for key, prompt in asked:
            if prompt not in use.task.prompts:
                raise source.error(
                    key, f"task {use.task.name} has no prompt {prompt!r}: {nearest(prompt, use.task.prompts)}"
                )
    _check_cross_task_sizes(source, study)
    _check_askings(source, study)
    _check_asked_with(source, study)


def check_trained_on(source: StudySource, study: Study) -> None:
    """Check the data sets that weights from elsewhere are said to have been tuned on."""
    known = [name for name, dataset in study.datasets.items() if dataset.task in study.tasks]
    for use in study.methods:
        for one in use.adaptations.values():
            for name in use.method.trained_on(one.own) or ():
                if name not in known:
                    raise source.error(
                        (*use.key, "trained_on"), f"{name!r} is no data set of a task of this study: {nearest(name, known)}"
                    )  # fmt: skip


def _check_askings(source: StudySource, study: Study) -> None:
    """What an entry is meant to be asked with must be asked somewhere in the study."""
    contexts = [use.label for use in study.contexts]
    counts = sorted({count for use in study.tasks.values() for count in study.shots(use.task)})
    for method in study.methods:
        for asking in (one.own.asking for one in method.adaptations.values() if one.own.asking is not None):
            for label in asking.contexts or ():
                if label not in contexts:
                    raise source.error(
                        (*method.key, "asking", "contexts"),
                        f"{label!r} is no context of the study: {nearest(label, contexts)} (add it to eval.contexts)",
                    )
            for count in asking.shots or ():
                if count not in counts:
                    raise source.error(
                        (*method.key, "asking", "shots"),
                        f"{count} shots are asked nowhere in the study; it asks {', '.join(map(str, counts))} (eval.shots)",
                    )


def _check_asked_with(source: StudySource, study: Study) -> None:
    """What only one context asks needs that context in the study."""
    for method in study.methods:
        only, own = (
            method.method.asked_with,
            [use for use in study.contexts if use.entry.name == method.method.asked_with],
        )
        if only and not own:
            raise source.error(
                method.key, f"{method.label} is asked with the context {only}, which the study does not have; add it: eval: {{contexts: "
                f"[{study.contexts[0].label}, {only}]}}"
            )  # fmt: skip


def _check_nothing_asked(source: StudySource, study: Study, task: Task) -> None:
    """Shots and prompts may be given for all tasks, but not for one that asks nothing, or is asked by a harness."""
    why = "scores text and asks nothing" if task.kind == "likelihood" else "is asked as lm-eval says"
    for name in ("shots", "prompts"):
        value = getattr(study.spec.eval, name)
        for word in (task.name, task.kind):
            if isinstance(value, dict) and value.get(word, ("p1",)) not in ((0,), ("p1",)):
                raise source.error(("eval", name, word), f"task {task.name} {why}; leave {word!r} out")


def _check_cross_task_sizes(source: StudySource, study: Study) -> None:
    trained = [one for method in study.methods for one in method.adaptations.values() if one.row_keys]
    sizes = {*study.spec.train.sizes, *(size for one in trained for size in one.train.sizes)}
    for size in study.spec.eval.cross_task_sizes or ():
        if (
            size not in sizes and study.spec.eval.cross_task and not study.is_part
        ):  # a part leaves out tasks with their sizes
            allowed = ", ".join(map(str, sorted(sizes)))
            raise source.error(("eval", "cross_task_sizes"), f"no method trains on {size} rows; sizes are {allowed}")


def check_harness(source: StudySource, study: Study) -> None:
    """The harness renders its questions, chats among them: a server that puts its own template around them cannot be asked."""
    chats = [one.name for one in study.models if one.served and one.served.api == "chat"]
    if study.harness and chats:
        raise source.error(
            ("tasks", "lm_eval"), f"lm-eval renders its questions, and {chats[0]} is asked as chat, whose template the server adds; say "
            f"`server: {{api: completions}}` of that base"
        )  # fmt: skip
    if study.harness and study.spec.tokens.thinking != "off":
        raise source.error(
            ("tokens", "thinking"), "tasks of lm-eval leave no room for reasoning before an answer; set it to off"
        )


def check_chat(source: StudySource, study: Study) -> None:
    """Say which settings need the model's chat template, and which prompts ask conversations."""
    tokens = study.spec.tokens
    for key, is_set in (("system", tokens.system is not None), ("thinking", tokens.thinking != "off")):
        if is_set and tokens.template == "plain":
            raise source.error(("tokens", key), "a plain prompt has no turns; add `template: chat`, or leave it out")
    for name, use in study.tasks.items():
        for prompt, template in use.task.prompts.items():
            if MESSAGES not in FIELD.findall(template):
                continue
            if not asks_messages(template):
                raise source.error(
                    ("tasks", name), f"prompt {prompt} has text around {{{MESSAGES}}}, and turns are no text; write it as "
                    f"'{{{MESSAGES}}}', and what every chat begins with as tokens.system"
                )  # fmt: skip
            if tokens.template == "plain":
                raise source.error(
                    ("tasks", name), f"prompt {prompt} asks conversations, and a plain prompt has no turns; say "
                    f"`tokens: {{template: chat}}`"
                )  # fmt: skip
            plain = [one.name for one in study.models if one.served and one.served.api == "completions"]
            if plain:
                raise source.error(
                    ("tasks", name), f"prompt {prompt} asks conversations, and {plain[0]} is asked as completions, which have "
                    f"no turns; say `server: {{api: chat}}` of that base"
                )  # fmt: skip
