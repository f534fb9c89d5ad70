import TextCoding

/// `ExportTraceServiceRequest` of OTLP in protobuf (opentelemetry-proto 1.x: trace_service.proto, trace.proto, common.proto, resource.proto).
package struct TraceEncoding: Sendable {
    /// Attributes of the resource: `service.name` and so on.
    package var resource: [(name: String, value: String)]
    package var scope: (name: String, version: String)

    package init(resource: [(name: String, value: String)], scope: (name: String, version: String)) {
        (self.resource, self.scope) = (resource, scope)
    }

    package func encode(_ spans: [Span]) -> [UInt8] {
        var request = ProtobufWriter()
        request.message(1) { resourceSpans in
            resourceSpans.message(1) { for (name, value) in resource { Self.attribute(1, name, .text(value), &$0) } }
            resourceSpans.message(2) { scopeSpans in
                scopeSpans.message(1) {
                    $0.text(1, scope.name)
                    $0.text(2, scope.version)
                }
                for span in spans { scopeSpans.message(2) { Self.write(span, &$0) } }
            }
        }
        return request.bytes
    }

    private static func write(_ span: Span, _ message: inout ProtobufWriter) {
        message.bytes(1, span.context.traceHigh.bigEndianBytes + span.context.traceLow.bigEndianBytes)
        message.bytes(2, span.context.span.bigEndianBytes)
        if let parent = span.parent { message.bytes(4, parent.bigEndianBytes) }
        message.text(5, span.name)
        message.integer(6, span.kind.rawValue)
        message.fixed64(7, span.start)
        message.fixed64(8, span.end)
        for (name, value) in span.attributes { attribute(9, name, value, &message) }
        if let failure = span.failure {
            message.message(15) {
                $0.text(2, KnownSecrets.shared.masked(failure).printable)
                // STATUS_CODE_ERROR.
                $0.integer(3, 2)
            }
        }
    }

    private static func attribute(_ field: Int, _ name: String, _ value: Span.Value, _ message: inout ProtobufWriter) {
        message.message(field) {
            $0.text(1, name)
            $0.message(2) {
                switch value {
                case .text(let text): $0.text(1, KnownSecrets.shared.masked(text).printable)
                case .number(let number): $0.integer(3, number)
                }
            }
        }
    }
}
