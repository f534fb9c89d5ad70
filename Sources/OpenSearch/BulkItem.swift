import TextCoding

/// What a `_bulk` response says of one operation.
struct BulkItem {
    var status = 0
    var sequence = 0
    var term = 0
    var hasError = false
    var type = ""
    /// The error's, and its cause's.
    var reasons: [String] = []

    /// In the order of the operations; nil in place of an item that has no operation or no status. Nil where the response has no items, or is no JSON.
    static func items(of response: [UInt8]) -> [BulkItem?]? {
        var items: [BulkItem?]?
        var scanner = JSONScanner(response)
        do {
            try scanner.object { scanner, key in
                guard key == "items", try scanner.peek() == .array else { return try scanner.skip() }
                items = []
                try scanner.array { scanner in
                    var item: BulkItem?
                    try scanner.object { scanner, _ in item = try BulkItem(&scanner) }
                    items?.append(item)
                }
            }
        } catch {
            return nil
        }
        return items
    }

    /// Nil where there is no status.
    private init?(_ scanner: inout JSONScanner) throws {
        var found: Int?
        try scanner.object { scanner, key in
            switch key {
            case "status": found = try scanner.integer()
            case "_seq_no": sequence = try scanner.integer()
            case "_primary_term": term = try scanner.integer()
            case "error": try readError(&scanner)
            default: try scanner.skip()
            }
        }
        guard let found else { return nil }
        status = found
    }

    private mutating func readError(_ scanner: inout JSONScanner) throws {
        hasError = true
        guard try scanner.peek() == .object else { return try scanner.skip() }
        try scanner.object { scanner, key in
            switch key {
            case "type": type = try Self.text(&scanner) ?? ""
            case "reason": if let reason = try Self.text(&scanner) { reasons.append(reason) }
            case "caused_by" where try scanner.peek() == .object:
                try scanner.object { scanner, key in
                    guard key == "reason" else { return try scanner.skip() }
                    if let reason = try Self.text(&scanner) { reasons.append(reason) }
                }
            default: try scanner.skip()
            }
        }
    }

    /// Nil for what is no text.
    private static func text(_ scanner: inout JSONScanner) throws -> String? {
        guard try scanner.peek() == .string else {
            try scanner.skip()
            return nil
        }
        return try scanner.string()
    }
}
