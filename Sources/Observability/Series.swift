extension Metrics {
    /// Counters without a label, whose names end with `_total`, and one gauge.
    package enum Series: String, MetricFamily {
        case messagesReceived = "ingest_messages_received_total"
        case messagesRedelivered = "ingest_messages_redelivered_total"
        case messagesInFlight = "ingest_messages_in_flight"
        case messagesDeleted = "ingest_messages_deleted_total"
        case messagesRetried = "ingest_messages_retried_total"
        case messagesDeadLettered = "ingest_messages_dead_lettered_total"
        case leasesLost = "ingest_leases_lost_total"
        case documentsUnchanged = "ingest_documents_unchanged_total"
        case documentsHandedOff = "ingest_documents_handed_over_total"
        case documentsDeleted = "ingest_documents_deleted_total"
        case documentsRejected = "ingest_documents_rejected_total"
        case documentsNeedingOCR = "ingest_documents_needing_ocr_total"
        case pagesExtracted = "ingest_pages_extracted_total"
        case pagesRecognized = "ingest_pages_recognized_total"
        case documentsIndexed = "ingest_documents_indexed_total"
        case documentsSuperseded = "ingest_documents_superseded_total"
        case documentsAbandoned = "ingest_documents_abandoned_total"
        case chunksEmbedded = "ingest_chunks_embedded_total"
        case chunksReused = "ingest_chunks_reused_total"
        case tokensEmbedded = "ingest_tokens_embedded_total"
        case tokensBilled = "ingest_tokens_billed_total"
        /// In billionths of a dollar: a token of a small model costs 20.
        case embeddingCost = "ingest_embedding_cost_dollars_total"
        case bytesDownloaded = "ingest_downloaded_bytes_total"
        case linesDropped = "ingest_log_lines_dropped_total"
        case spansExported = "ingest_spans_exported_total"
        case spansDropped = "ingest_spans_dropped_total"

        package var help: String {
            switch self {
            case .messagesReceived: "Messages received."
            case .messagesRedelivered: "Messages received that had been received before."
            case .messagesInFlight: "Messages that are worked on now."
            case .messagesDeleted: "Messages acknowledged (deleted from their queue)."
            case .messagesRetried: "Messages released for another receive."
            case .messagesDeadLettered: "Messages sent to the dead-letter queue."
            case .leasesLost: "Jobs cancelled because the visibility timeout of their message was lost."
            case .documentsUnchanged: "Documents whose content the ledger knew."
            case .documentsHandedOff: "Document versions whose chunks were sent to the chunk queue."
            case .documentsDeleted: "Deletions that were sent to the chunk queue."
            case .documentsRejected: "Documents rejected."
            case .documentsNeedingOCR: "Documents rejected because they are scans and OCR is off."
            case .pagesExtracted: "Pages of extracted documents."
            case .pagesRecognized: "Pages read by OCR."
            case .documentsIndexed: "Document versions committed: readers find them, or a deletion, from here on."
            case .documentsSuperseded: "Document versions that a newer one replaced on their way."
            case .documentsAbandoned: "Document versions whose chunk payload was lost."
            case .chunksEmbedded: "Chunks that the provider embedded."
            case .chunksReused: "Chunks whose vectors were found in the index or in memory."
            case .tokensEmbedded: "Tokens of the chunks that the provider embedded, as the worker counts them."
            case .tokensBilled: "The same tokens as the provider bills them."
            case .embeddingCost: "Price of the billed tokens in US dollars; 0 where the model's price is not known."
            case .bytesDownloaded: "Bytes of documents read from S3."
            case .linesDropped: "Log lines dropped because standard error was read too slowly."
            case .spansExported: "Spans that the receiver accepted."
            case .spansDropped: "Spans dropped: the receiver refused them or was too slow."
            }
        }

        package var reporters: Reporters {
            switch self {
            case .documentsUnchanged, .documentsHandedOff, .documentsDeleted, .documentsNeedingOCR, .pagesExtracted,
                .pagesRecognized, .bytesDownloaded:
                .ingest
            case .documentsIndexed, .documentsSuperseded, .documentsAbandoned, .chunksEmbedded, .chunksReused,
                .tokensEmbedded, .tokensBilled, .embeddingCost:
                .embed
            default: .both
            }
        }

        package var isCounter: Bool { rawValue.hasSuffix("_total") }

        /// What a stored value is divided by.
        package var divisor: Double { self == .embeddingCost ? 1e9 : 1 }
    }
}
