import TextCoding

/// The requests of a batch as they are gathered: a line of JSON each, of one version's texts.
package struct BatchRequests {
    package private(set) var lines: [UInt8] = []
    package private(set) var inputs = 0
    package private(set) var entries: [String] = []

    private let settings: OpenAIEmbedder.Settings
    private let profile: EmbeddingProfile
    private let mostInputs: Int
    /// Texts in one request.
    private static let inputsOfRequest = 256
    /// Bytes of results that fit into memory.
    private static let resultBytes = 36 << 20

    package init(_ settings: OpenAIEmbedder.Settings, _ profile: EmbeddingProfile) {
        self.settings = settings
        self.profile = profile
        // Base64 of four bytes for each number.
        mostInputs = min(OpenAIBatches.maximumInputs, max(1, Self.resultBytes / (settings.dimensions * 16 / 3 + 64)))
    }

    /// Whether texts for a whole batch wait.
    package func isWorthwhile(_ waiting: [BatchEntry]) -> Bool {
        waiting.reduce(0) { $0 + $1.chunks.count } >= mostInputs
    }

    package var isFull: Bool { inputs >= mostInputs || lines.count >= OpenAIBatches.maximumBytes }

    /// A version with more texts than any batch holds.
    package func isTooLarge(_ chunks: Int) -> Bool { chunks > mostInputs }

    package func hasRoom(for chunks: Int) -> Bool { inputs + chunks <= mostInputs && !isFull }

    package mutating func add(_ entry: BatchEntry, _ chunks: [ChunkPayload]) {
        let size = min(Self.inputsOfRequest, profile.maximumInputs)
        for start in stride(from: 0, to: chunks.count, by: size) {
            let part = chunks[start..<min(chunks.count, start + size)]
            let body = settings.api.body(
                part.map { settings.prefix + $0.embeddedText },
                model: settings.model,
                dimensions: settings.dimensions,
                purpose: .document,
                profile
            )
            lines += JSONWriter.object { json in
                json.field("custom_id", "\(entries.count) \(start)")
                json.field("method", "POST")
                json.field("url", "/v1/embeddings")
                json.key("body")
                json.raw(body)
            }
            lines.append(0x0A)
        }
        entries.append(entry.id)
        inputs += chunks.count
    }
}

/// The results of a batch, by entry: a vector for each text that has one, by its place among the entry's texts.
package struct BatchResults {
    package private(set) var vectors: [Int: [Int: BatchVectors.Entry]] = [:]

    /// Lines that cannot be read, and requests that failed, have no vectors.
    package init(_ bytes: [UInt8], dimensions: Int) {
        for line in bytes.split(separator: 0x0A) { read(Array(line), dimensions) }
    }

    private mutating func read(_ line: [UInt8], _ dimensions: Int) {
        var name = ""
        var status = 0
        var body: ArraySlice<UInt8> = []
        var scanner = JSONScanner(line)
        let isRead: Void? = try? scanner.object { scanner, key in
            switch key {
            case "custom_id" where try scanner.peek() == .string: name = try scanner.string()
            case "response" where try scanner.peek() == .object:
                try scanner.object { scanner, key in
                    switch key {
                    case "status_code" where try scanner.peek() == .number: status = try scanner.integer()
                    case "body": body = try scanner.raw()
                    default: try scanner.skip()
                    }
                }
            default: try scanner.skip()
            }
        }
        let numbers = name.split(separator: " ").compactMap { Int($0) }
        guard isRead != nil, status == 200, numbers.count == 2, numbers.allSatisfy({ (0...1 << 24).contains($0) }),
            let count = Self.count(body),
            let response = try? EmbeddingResponse(Array(body), count: count, dimensions: dimensions)
        else { return }
        let share = (response.tokens ?? 0) / max(1, count)
        for (place, item) in response.items.enumerated() {
            guard case .success(let vector) = item else { continue }
            let rest = place == 0 ? (response.tokens ?? 0) - share * count : 0
            vectors[numbers[0], default: [:]][numbers[1] + place] = BatchVectors.Entry(
                tokens: share + rest,
                vector: vector
            )
        }
    }

    /// How many vectors a response holds.
    private static func count(_ body: ArraySlice<UInt8>) -> Int? {
        var count: Int?
        var scanner = JSONScanner(Array(body))
        try? scanner.object { scanner, key in
            guard key == "data" else { return try scanner.skip() }
            count = 0
            try scanner.array {
                count? += 1
                try $0.skip()
            }
        }
        return count
    }
}
