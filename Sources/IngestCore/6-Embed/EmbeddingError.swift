import AsyncPrimitives
import CPlatform
import CommandLineOptions
import ExtractionWire
import HTTPTransport
import Observability
import Resilience
import TextCoding

/// What an embeddings provider said instead of vectors.
package struct EmbeddingError: ClassifiedError, CustomStringConvertible {
    package var status: Int
    package var code: String
    /// The provider's words, cut, without the text of a document.
    package var message: String
    /// Not an error body of an API: a proxy's page, which the next try may not meet.
    let isForeign: Bool
    private var after: Duration?
    private var mayRetry: Bool?

    package init(_ response: HTTPResponse, inputs: [String] = []) {
        isForeign = JSONValue(parsing: response.body) == nil
        let words = ProviderMessage(response.body) ?? ProviderMessage(text: ForeignResponse.describe(response))
        status = response.status
        code = words.code
        message = ProviderMessage.withoutInputs(words.text, inputs)
        after = response.headers.retryAfter
        mayRetry = response.headers["x-should-retry"].map { $0 == "true" }
    }

    /// A 2xx response that cannot be used.
    init(unusable reason: String) {
        isForeign = false
        status = 200
        code = "unusable_answer"
        message = reason
    }

    package var description: String {
        "embeddings: status \(status)\(code.isEmpty ? "" : ", \(code)")\(message.isEmpty ? "" : ": \(message)")"
    }

    /// The response has no vectors, or not the expected ones.
    var isUnusableAnswer: Bool { code == "unusable_answer" }

    /// The request is larger than the account or the server allows, however long one waits: "Limit 4000, Requested 20000".
    var isTooLarge: Bool {
        if status == 413 { return true }
        guard status == 429 else { return false }
        if message.lowercased().contains("request too large") { return true }
        guard let limit = Self.number(after: "limit", in: message),
            let requested = Self.number(after: "requested", in: message)
        else { return false }
        return requested > limit
    }

    private static func number(after word: String, in text: String) -> Int? {
        let text = text.lowercased()
        guard let place = text.firstRange(of: word) else { return nil }
        let rest = text[place.upperBound...].drop { !$0.isNumber && $0 != "," }
        return Int(rest.drop { !$0.isNumber }.prefix { $0.isNumber })
    }

    /// The account is at its end: more requests do not help.
    private var isOutOfCredit: Bool {
        ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"].contains(code)
    }

    /// What it means for the fleet, should its own probe fail as well.
    package var failure: Failure {
        if isOutOfCredit {
            let remedy = "add credit or raise the limit; processing resumes automatically"
            return .fleet("\(description): \(remedy)", of: .provider)
        }
        switch status {
        case 401, 403: return .fleet("\(description) (OPENAI_API_KEY)", of: .provider)
        case 404: return .fleet("\(description) (EMBEDDING_MODEL, OPENAI_BASE_URL)", of: .provider)
        case 429: return .throttled(description, after: after, of: .provider)
        case 408, 409, 500...:
            return mayRetry == false ? .fleet(description, of: .provider) : .transient(description, of: .provider)
        default: return .fleet("\(description) (EMBEDDING_MODEL, EMBEDDING_DIMENSIONS, OPENAI_BASE_URL)", of: .provider)
        }
    }

    /// The document's rejection, where the same provider embeds other texts.
    var rejection: Rejection {
        var remedy = ""
        let words = message.lowercased()
        if status == 413 || words.contains("token") || words.contains("context length") || words.contains("too long") {
            remedy = "; the text is longer than the model takes: lower CHUNK_TOKENS"
        }
        return Rejection(.embeddingRefused, "the embeddings provider rejected the text: \(description)\(remedy)")
    }
}

/// The reason in an error body, in the shapes of OpenAI and Azure (`error.message`), vLLM (`message`), TEI and Ollama (`error` as a string),
/// FastAPI (`detail`, as a string or a list of `msg`), or plain text.
struct ProviderMessage: Equatable {
    var text: String
    var code = ""

    private static let longest = 300

    init(text: String, code: String = "") {
        self.text = Self.short(text)
        self.code = Self.short(code)
    }

    /// Nil where the body says nothing.
    init?(_ body: [UInt8]) {
        guard let value = JSONValue(parsing: body) else {
            let text = String(decoding: body.prefix(Self.longest * 4), as: UTF8.self)
            guard !text.isEmpty, !text.contains("<") else { return nil }
            self.init(text: text)
            return
        }
        let error = value["error"] ?? value["errors"] ?? .null
        let problem = error["message"] != nil ? error : value
        let code = (problem["code"] ?? error["code"])?.text ?? ""
        let kind = (problem["type"] ?? value["error_type"] ?? error["type"])?.text ?? ""
        guard
            let text = Self.words(error) ?? Self.words(value["message"]) ?? Self.words(value["detail"])
                ?? Self.words(value)
        else { return nil }
        self.init(text: text, code: code.isEmpty ? kind : code)
    }

    private static func words(_ value: JSONValue?) -> String? {
        switch value {
        case .string(let text): text.isEmpty ? nil : text
        case .array(let items): items.lazy.compactMap { words($0) }.first
        case .object(let fields):
            ["message", "msg", "detail", "error", "title"].lazy.compactMap { words(fields[$0]) }.first
        default: nil
        }
    }

    private static func short(_ text: String) -> String {
        let flat = text.prefix(longest).map { $0.isNewline ? " " : $0 }
        return String(flat)
    }

    /// The text up to a quotation of an input: some providers repeat what they refuse. Sixteen equal bytes are a quotation, or a whole short input.
    static func withoutInputs(_ text: String, _ inputs: [String]) -> String {
        let message = Array(text.utf8)
        var end = message.count
        for input in inputs {
            let input = Array(input.utf8)
            let length = min(window, input.count)
            guard length >= shortestQuotation, end >= length else { continue }
            for start in 0...(end - length) {
                let part = message[start..<start + length]
                // Digits and blanks alone, as in a count of tokens, are no quotation.
                guard part.contains(where: { (0x61...0x7A).contains($0 | 0x20) || $0 >= 0x80 }) else { continue }
                if contains(input, part) {
                    end = start
                    break
                }
            }
        }
        return end == message.count ? text : String(decoding: message[..<end], as: UTF8.self) + "…"
    }

    private static let window = 16
    /// Less is a word that any message may hold.
    private static let shortestQuotation = 8

    private static func contains(_ text: [UInt8], _ part: ArraySlice<UInt8>) -> Bool {
        text.withUnsafeBytes { text in
            part.withUnsafeBytes { platform_find(text.baseAddress, text.count, $0.baseAddress, $0.count) != nil }
        }
    }
}
