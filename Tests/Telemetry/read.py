#!/usr/bin/env python3
"""Reads what the fleet reports with the readers of others; runs in .local/telemetry.

    read.py spans FILE...     each file is the body of an OTLP export; prints the spans, one JSON object a line
    read.py prometheus FILE   the text of /metrics; prints name, type and help of each family
    read.py emf FILE          lines of the embedded metric format against its schema; prints the metrics' names
"""
import json
import pathlib
import sys

KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


def spans(paths: list[str]) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for path in paths:
        request = ExportTraceServiceRequest.FromString(pathlib.Path(path).read_bytes())
        # What is not in the messages' own definitions is a mistake of the writer.
        known = ExportTraceServiceRequest()
        known.CopyFrom(request)
        known.DiscardUnknownFields()
        assert known.SerializeToString() == request.SerializeToString(), f"{path} has fields that OTLP has not"
        for resource in request.resource_spans:
            service = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    attributes = {a.key: a.value.string_value or a.value.int_value for a in span.attributes}
                    print(json.dumps({
                        "service": service["service.name"], "resource": service, "name": span.name, "kind": KINDS[span.kind], "trace": span.trace_id.hex(),
                        "span": span.span_id.hex(), "parent": span.parent_span_id.hex(), "start": span.start_time_unix_nano, "end": span.end_time_unix_nano,
                        "attributes": attributes, "failed": span.status.code == 2, "message": span.status.message,
                    }))


def prometheus(path: str) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    for family in text_string_to_metric_families(pathlib.Path(path).read_text()):
        print(json.dumps({"name": family.name, "type": family.type, "help": family.documentation, "samples": len(family.samples)}))


def emf(path: str) -> None:
    import jsonschema

    schema = json.loads((pathlib.Path(__file__).parent / "emf.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    for line in pathlib.Path(path).read_text().splitlines():
        value = json.loads(line)
        validator.validate(value)
        for directive in value["_aws"]["CloudWatchMetrics"]:
            for dimensions in directive["Dimensions"]:
                assert all(isinstance(value[name], str) and 0 < len(value[name]) <= 1024 for name in dimensions), line
            for metric in directive["Metrics"]:
                values = value[metric["Name"]] if isinstance(value[metric["Name"]], list) else [value[metric["Name"]]]
                assert 0 < len(values) <= 100 and all(isinstance(number, (int, float)) for number in values), metric
                print(json.dumps({"name": metric["Name"], "dimensions": {name: value[name] for name in directive["Dimensions"][0]}, "values": values}))


if __name__ == "__main__":
    {"spans": lambda: spans(sys.argv[2:]), "prometheus": lambda: prometheus(sys.argv[2]), "emf": lambda: emf(sys.argv[2])}[sys.argv[1]]()
