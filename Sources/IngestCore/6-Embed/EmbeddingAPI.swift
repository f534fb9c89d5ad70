import HTTPTransport
import TextCoding

/// How a provider's requests and responses are written.
///
/// Sources: OpenAI "Create embeddings"; Voyage AI "Text embedding models"; Cohere "Embed API (v2)"; Amazon Bedrock user guide, "Amazon Titan Text Embeddings" and
/// "Cohere Embed".
package enum EmbeddingAPI: String, Sendable, CaseIterable {
    /// OpenAI, Azure, and servers that speak the same.
    case openAI = "openai"
    case voyage
    case cohere
    /// Amazon Titan on Bedrock: one text a request.
    case titan
    /// Cohere on Bedrock.
    case bedrockCohere = "bedrock-cohere"

    /// Models that distinguish embed texts and questions differently.
    package enum Purpose: Sendable { case document, question }

    /// - Parameter setting: EMBEDDING_PROVIDER; on Bedrock the model says whose request it is.
    package init?(setting: String, model: String) {
        if setting == "bedrock" {
            self = model.hasPrefix("cohere.") || model.contains(".cohere.") ? .bedrockCohere : .titan
        } else {
            self.init(rawValue: setting)
        }
    }

    /// Requests are signed, and have no key.
    package var isSigned: Bool { self == .titan || self == .bedrockCohere }

    /// Texts in a request, at most.
    package var maximumInputs: Int {
        switch self {
        case .openAI: EmbeddingBatcher.maximumInputs
        case .voyage: 128
        case .cohere, .bedrockCohere: 96
        case .titan: 1
        }
    }

    /// Where the provider is, unless a setting says so.
    package func address(region: String) -> String {
        switch self {
        case .openAI: "https://api.openai.com/v1"
        case .voyage: "https://api.voyageai.com/v1"
        case .cohere: "https://api.cohere.com/v2"
        case .titan, .bedrockCohere: "https://bedrock-runtime.\(region).amazonaws.com"
        }
    }

    func path(_ base: String, model: String) -> String {
        switch self {
        case .openAI, .voyage: base + "/embeddings"
        case .cohere: base + "/embed"
        // Names have colons, and those of inference profiles slashes.
        case .titan, .bedrockCohere: base + "/model/\(PercentEncoding.encode(model))/invoke"
        }
    }

    /// What it may take: parameters of which it may refuse some.
    func shapes(model: String) -> [EmbeddingProfile] {
        var shapes = [(true, true), (false, true), (true, false), (false, false)]
            .map { EmbeddingProfile(sendsDimensions: $0, sendsBase64: $1, maximumInputs: self == .titan ? 1 : .max) }
        // The second generation of OpenAI's models has one size and refuses the parameter.
        if model == "text-embedding-ada-002" { shapes.removeAll(where: \.sendsDimensions) }
        if isSigned { shapes.removeAll(where: \.sendsBase64) }
        return shapes
    }

    func body(_ texts: [String], model: String, dimensions: Int, purpose: Purpose, _ profile: EmbeddingProfile)
        -> [UInt8]
    {
        JSONWriter.object { json in
            switch self {
            case .openAI, .voyage:
                json.field("model", model)
                json.field("input", texts)
                // Without the field the format is floats.
                if profile.sendsBase64 { json.field("encoding_format", "base64") }
                let name = self == .openAI ? "dimensions" : "output_dimension"
                if profile.sendsDimensions { json.field(name, dimensions) }
                guard self == .voyage else { return }
                json.field("input_type", purpose == .document ? "document" : "query")
                // A text that is cut would be found by its beginning alone.
                json.field("truncation", false)
            case .cohere, .bedrockCohere:
                if self == .cohere { json.field("model", model) }
                json.field("texts", texts)
                json.field("input_type", purpose == .document ? "search_document" : "search_query")
                json.field("embedding_types", [profile.sendsBase64 ? "base64" : "float"])
                if profile.sendsDimensions { json.field("output_dimension", dimensions) }
                json.field("truncate", "NONE")
            case .titan:
                json.field("inputText", texts.first ?? "")
                if profile.sendsDimensions {
                    json.field("dimensions", dimensions)
                    json.field("normalize", true)
                }
            }
        }
    }
}
