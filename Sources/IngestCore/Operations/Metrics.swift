/// Every series, once: counters, whose names end with `_total`, and gauges. Read by the health endpoint in Prometheus' text format.
package final class Metrics: Sendable {
    package enum Series: String, CaseIterable, Sendable {
        case messagesReceived = "ingest_messages_received_total"
        case messagesRedelivered = "ingest_messages_redelivered_total"
        case messagesInWork = "ingest_messages_in_work"
        case messagesDeleted = "ingest_messages_deleted_total"
        case messagesRetried = "ingest_messages_retried_total"
        case messagesDeadLettered = "ingest_messages_dead_lettered_total"
        case documentsUnchanged = "ingest_documents_unchanged_total"
        case documentsHandedOver = "ingest_documents_handed_over_total"
        case documentsDeleted = "ingest_documents_deleted_total"
        case documentsRejected = "ingest_documents_rejected_total"
        case documentsNeedingOCR = "ingest_documents_needing_ocr_total"
        case pagesRecognized = "ingest_pages_recognized_total"
        /// Divided by the documents handed over: how much texts look like text, on average.
        case qualityPercents = "ingest_document_quality_percents_total"
        case documentsIndexed = "ingest_documents_indexed_total"
        case documentsSuperseded = "ingest_documents_superseded_total"
        case documentsAbandoned = "ingest_documents_abandoned_total"
        case chunksEmbedded = "ingest_chunks_embedded_total"
        case chunksReused = "ingest_chunks_reused_total"
        case tokensEmbedded = "ingest_tokens_embedded_total"
        case bytesDownloaded = "ingest_bytes_downloaded_total"
    }

    private let values = Locked([Int](repeating: 0, count: Series.allCases.count))
    private static let positions = Dictionary(uniqueKeysWithValues: Series.allCases.enumerated().map { ($1, $0) })

    package init() {}

    package func add(_ series: Series, _ amount: Int = 1) {
        values.withLock { $0[Self.positions[series]!] += amount }
    }

    package subscript(series: Series) -> Int { values.withLock { $0[Self.positions[series]!] } }

    /// Prometheus' text exposition format 0.0.4.
    package var exposition: String {
        let values = values.withLock { $0 }
        return zip(Series.allCases, values).map { series, value in
            let kind = series.rawValue.hasSuffix("_total") ? "counter" : "gauge"
            return "# TYPE \(series.rawValue) \(kind)\n\(series.rawValue) \(value)\n"
        }.joined()
    }
}
