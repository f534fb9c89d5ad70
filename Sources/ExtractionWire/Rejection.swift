/// Why a document cannot be indexed: the same bytes would fail again.
package struct Rejection: Error, Equatable, Sendable {
    package var code: RejectionCode
    /// What was found and what to do about it, without a word of the document's text.
    package var detail: String

    package init(_ code: RejectionCode, _ detail: String) {
        self.code = code
        self.detail = detail
    }
}

/// The closed list of reasons. The names are part of the ledger, the dead-letter queue's attributes and the metrics.
package enum RejectionCode: UInt8, Sendable, CaseIterable {
    /// Opens only with a password.
    case encrypted = 1
    /// Not what it claims to be, or damaged beyond reading.
    case malformed
    /// A format that nothing here reads.
    case unsupported
    /// No text in it, and no picture that could hold some.
    case empty
    /// More bytes than the limit.
    case tooLarge
    case tooManyPages
    /// Extraction took longer than the limit.
    case timeout
    /// Extraction needed more memory than the limit.
    case memory
    /// The parser crashed.
    case crash
    /// More text than the limit.
    case outputLimit
    /// More chunks than the limit.
    case tooManyChunks
    /// The embeddings provider refuses this text.
    case embeddingRefused
    /// The index refuses this document.
    case indexRefused
    /// The object is archived and must be restored before it can be read.
    case archived
    /// The role may read the bucket and not this object (its key's policy, or a policy for a prefix).
    case forbidden
    /// Pictures that may hold text: they need OCR before they are uploaded.
    case needsOCR
    /// The text is below `MIN_QUALITY`.
    case lowQuality
    /// The queue does not take the message that names this document.
    case messageRefused
    /// The last receive of its message failed, and other documents succeeded.
    case retriesExhausted
    /// What it needs was unavailable for longer than a message is kept.
    case unavailableTooLong

    package var name: String {
        switch self {
        case .encrypted: "encrypted"
        case .malformed: "malformed"
        case .unsupported: "unsupported"
        case .empty: "empty"
        case .tooLarge: "too_large"
        case .tooManyPages: "too_many_pages"
        case .timeout: "timeout"
        case .memory: "memory"
        case .crash: "crash"
        case .outputLimit: "output_limit"
        case .tooManyChunks: "too_many_chunks"
        case .embeddingRefused: "embedding_refused"
        case .indexRefused: "index_refused"
        case .archived: "archived"
        case .forbidden: "forbidden"
        case .needsOCR: "needs_ocr"
        case .lowQuality: "low_quality"
        case .messageRefused: "message_refused"
        case .retriesExhausted: "retries_exhausted"
        case .unavailableTooLong: "unavailable_too_long"
        }
    }

    package init?(name: String) {
        guard let code = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = code
    }
}
