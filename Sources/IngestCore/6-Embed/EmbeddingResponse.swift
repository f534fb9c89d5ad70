import Resilience
import TextCoding

/// The response of an embeddings endpoint: vectors as base64 of little-endian float32, or as arrays where these were requested, or from servers that ignore the request.
struct EmbeddingResponse {
    typealias Item = Result<[Float], EmbeddingError>

    /// A result for each input, in the order of the inputs: vectors of unit length, or what is wrong with one. Every usable vector is paid
    /// for, whatever else the response holds.
    let items: [Item]
    /// What the provider bills for all of them; nil where it does not say.
    let tokens: Int?

    /// - Throws: `EmbeddingError` where the response as a whole cannot be used, `Failure.fleet` where every vector has other dimensions.
    init(_ body: [UInt8], of api: EmbeddingAPI = .openAI, count: Int, dimensions: Int) throws {
        // Some proxies put a byte order mark before the response.
        let body = body.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(body.dropFirst(3)) : body
        var items: [(index: Int?, vector: [Float]?)] = []
        var hasData = false
        var tokens: Int?
        var scanner = JSONScanner(body)
        do {
            try scanner.object { scanner, key in
                guard key == api.vectorsKey else {
                    guard key == api.tokensPath[0] else { return try scanner.skip() }
                    return tokens = try Self.number(&scanner, at: api.tokensPath.dropFirst())
                }
                hasData = true
                switch api {
                case .openAI, .voyage: try scanner.array { items.append(try Self.item(&$0)) }
                case .cohere, .bedrockCohere: items = try Self.matrix(&scanner).map { (nil, $0) }
                case .titan: items = [(nil, try Self.embedding(&scanner))]
                }
            }
        } catch let error as JSONError {
            throw EmbeddingError(unusable: body.isEmpty ? "an empty response" : "not JSON: \(error)")
        }
        guard hasData else {
            let words = ProviderMessage(body)
            throw EmbeddingError(unusable: words.map { "no data, but: \($0.text)" } ?? "no data")
        }
        guard items.count <= count else { throw EmbeddingError(unusable: "\(items.count) vectors for \(count) inputs") }
        let lengths = Set(items.compactMap(\.vector?.count))
        if let length = lengths.first, lengths.count == 1, length > 0, length != dimensions {
            throw Failure.fleet(
                "the embeddings have \(length) dimensions, the index has \(dimensions) (EMBEDDING_MODEL, EMBEDDING_DIMENSIONS)",
                of: .provider
            )
        }
        self.items = try Self.inOrder(items, count).map { vector in Self.checked(vector, dimensions) }
        self.tokens = tokens
    }

    /// A count within objects; nil for one that no response has.
    private static func number(_ scanner: inout JSONScanner, at path: ArraySlice<String>) throws -> Int? {
        guard let next = path.first else {
            guard try scanner.peek() == .number else {
                try scanner.skip()
                return nil
            }
            let range = try scanner.raw()
            return Int(String(decoding: range, as: UTF8.self)).flatMap { (1...1 << 31).contains($0) ? $0 : nil }
        }
        guard try scanner.peek() == .object else {
            try scanner.skip()
            return nil
        }
        var found: Int?
        try scanner.object { scanner, key in
            if key == next { found = try number(&scanner, at: path.dropFirst()) } else { try scanner.skip() }
        }
        return found
    }

    /// Vectors in the order of the texts: as a list, or as one of some kind.
    private static func matrix(_ scanner: inout JSONScanner) throws -> [[Float]?] {
        var vectors: [[Float]?] = []
        guard try scanner.peek() == .object else {
            try scanner.array { vectors.append(try embedding(&$0)) }
            return vectors
        }
        try scanner.object { scanner, kind in
            guard kind == "float" || kind == "base64" else { return try scanner.skip() }
            vectors = []
            try scanner.array { vectors.append(try embedding(&$0)) }
        }
        return vectors
    }

    private static func item(_ scanner: inout JSONScanner) throws -> (index: Int?, vector: [Float]?) {
        var index: Int?
        var vector: [Float]? = []
        try scanner.object { scanner, key in
            switch key {
            case "index":
                if try scanner.peek() == .number { index = try scanner.integer() } else { try scanner.skip() }
            case "embedding": vector = try embedding(&scanner)
            default: try scanner.skip()
            }
        }
        return (index, vector)
    }

    /// Nil for a value that is no vector: null, or a list with something else than numbers.
    private static func embedding(_ scanner: inout JSONScanner) throws -> [Float]? {
        switch try scanner.peek() {
        case .string: return Base64Floats.decode(try scanner.plainString())
        case .array:
            var values: [Float] = []
            var numbers = scanner
            if (try? numbers.floats(into: &values)) != nil {
                scanner = numbers
                return values
            }
            try scanner.skip()
            return nil
        default:
            try scanner.skip()
            return nil
        }
    }

    /// By index where the items have one. Servers that send none, or 0 for all, keep the order of the inputs; Gemini's leaves out 0.
    private static func inOrder(_ items: [(index: Int?, vector: [Float]?)], _ count: Int) throws -> [[Float]?] {
        let indexes = items.map(\.index)
        let hasNone = indexes.allSatisfy { $0 == nil } || items.count > 1 && indexes.allSatisfy { $0 == 0 }
        if hasNone {
            guard items.count == count else {
                throw EmbeddingError(unusable: "\(items.count) vectors without index for \(count) inputs")
            }
            return items.map(\.vector)
        }
        var found = [[Float]?](repeating: nil, count: count)
        var seen = Set<Int>()
        for item in items {
            let index = item.index ?? 0
            guard found.indices.contains(index), seen.insert(index).inserted else {
                throw EmbeddingError(unusable: "missing or duplicate embedding for an input")
            }
            found[index] = item.vector
        }
        return found
    }

    private static func checked(_ vector: [Float]?, _ dimensions: Int) -> Item {
        guard let vector, !vector.isEmpty else { return .failure(EmbeddingError(unusable: "no vector for an input")) }
        guard vector.count == dimensions else {
            return .failure(
                EmbeddingError(unusable: "a vector of \(vector.count) dimensions among others of \(dimensions)")
            )
        }
        let norm = vector.reduce(Double(0)) { $0 + Double($1) * Double($1) }.squareRoot()
        guard norm.isFinite, norm > 1e-6 else {
            return .failure(EmbeddingError(unusable: "a vector that is zero or not finite"))
        }
        if (0.999...1.001).contains(norm) { return .success(vector) }
        return .success(vector.map { Float(Double($0) / norm) })
    }
}

extension EmbeddingAPI {
    /// Where the vectors are in a response.
    fileprivate var vectorsKey: String {
        switch self {
        case .openAI, .voyage: "data"
        case .cohere, .bedrockCohere: "embeddings"
        case .titan: "embedding"
        }
    }

    /// Where a response says what is billed. Bedrock says it of Cohere's models in a header.
    fileprivate var tokensPath: [String] {
        switch self {
        case .openAI, .voyage: ["usage", "total_tokens"]
        case .cohere, .bedrockCohere: ["meta", "billed_units", "input_tokens"]
        case .titan: ["inputTextTokenCount"]
        }
    }
}
