import AsyncPrimitives

/// Every series, once: counters, whose names end with `_total`, and gauges. Read by the health endpoint in Prometheus' text format.
package final class Metrics: Sendable {
    package enum Series: String, CaseIterable, Sendable {
        case messagesReceived = "ingest_messages_received_total"
        case messagesRedelivered = "ingest_messages_redelivered_total"
        case messagesInFlight = "ingest_messages_in_flight"
        case messagesDeleted = "ingest_messages_deleted_total"
        case messagesRetried = "ingest_messages_retried_total"
        case messagesDeadLettered = "ingest_messages_dead_lettered_total"
        case documentsUnchanged = "ingest_documents_unchanged_total"
        case documentsHandedOff = "ingest_documents_handed_over_total"
        case documentsDeleted = "ingest_documents_deleted_total"
        case documentsRejected = "ingest_documents_rejected_total"
        case documentsNeedingOCR = "ingest_documents_needing_ocr_total"
        case pagesRecognized = "ingest_pages_recognized_total"
        /// Divided by the documents handed off: the average text quality.
        case qualityPercents = "ingest_document_quality_percents_total"
        case documentsIndexed = "ingest_documents_indexed_total"
        case documentsSuperseded = "ingest_documents_superseded_total"
        case documentsAbandoned = "ingest_documents_abandoned_total"
        case chunksEmbedded = "ingest_chunks_embedded_total"
        case chunksReused = "ingest_chunks_reused_total"
        case tokensEmbedded = "ingest_tokens_embedded_total"
        case bytesDownloaded = "ingest_bytes_downloaded_total"
    }

    private let values = LockedValue([Int](repeating: 0, count: Series.allCases.count))
    private let labelled = LockedValue([Labelled: Int]())
    /// Label values are of closed sets; this bounds a mistake.
    private static let maximumLabelled = 500
    private static let positions = Dictionary(uniqueKeysWithValues: Series.allCases.enumerated().map { ($1, $0) })

    package init() {}

    package func add(_ series: Series, _ amount: Int = 1) {
        values.withLock { $0[Self.positions[series]!] += amount }
    }

    /// A series with a label, whose values are of a closed set.
    private struct Labelled: Hashable {
        var name: String
        var label: String
        var value: String
    }

    /// Counts an event of `name` with a label.
    package func count(_ name: String, _ label: String, _ value: String) {
        let key = Labelled(name: name, label: label, value: value)
        labelled.withLock { labelled in
            guard labelled[key] != nil || labelled.count < Self.maximumLabelled else { return }
            labelled[key, default: 0] += 1
        }
    }

    /// A label's value, escaped for the text format.
    package static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    package subscript(series: Series) -> Int { values.withLock { $0[Self.positions[series]!] } }

    /// Prometheus' text exposition format 0.0.4.
    package var exposition: String {
        let values = values.withLock { $0 }
        return zip(Series.allCases, values).map { series, value in
            let kind = series.rawValue.hasSuffix("_total") ? "counter" : "gauge"
            return "# TYPE \(series.rawValue) \(kind)\n\(series.rawValue) \(value)\n"
        }.joined() + labelledExposition
    }

    private var labelledExposition: String {
        let lines = labelled.withLock { $0 }.map { key, value in
            (key.name, "\(key.name){\(key.label)=\"\(Self.escaped(key.value))\"} \(value)\n")
        }
        return Dictionary(grouping: lines, by: \.0).sorted { $0.key < $1.key }.map { name, lines in
            "# TYPE \(name) counter\n" + lines.map(\.1).sorted().joined()
        }.joined()
    }
}
