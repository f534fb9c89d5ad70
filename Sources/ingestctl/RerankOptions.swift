import CommandLineOptions
import HTTPTransport
import IngestCore
import Resilience

/// A server that orders the best hits again.
struct RerankOptions: Sendable {
    private static let url = Setting.text(
        "RERANK_URL",
        "URL",
        "server that reorders the best candidates of a search, without the path `/rerank`; empty: none does",
        default: ""
    )
    private static let api = Setting.choice(
        "RERANK_API",
        HTTPReranker.Shape.allCases.map(\.rawValue),
        "shape of its requests: `tei` (Hugging Face text-embeddings-inference) or `cohere` (also Jina, Voyage, vLLM)",
        default: "tei"
    )
    private static let model = Setting.text(
        "RERANK_MODEL",
        "name",
        "model of the reranker, where it has several",
        default: ""
    )
    private static let key = Setting.text("RERANK_API_KEY", "key", "key of the reranker", default: "", isSecret: true)
    private static let candidates = Setting.number(
        "RERANK_CANDIDATES",
        "n",
        "hits that the reranker gets",
        default: 50,
        in: 2...200
    )

    static let declarations = [
        url.declaration, api.declaration, model.declaration, key.declaration, candidates.declaration,
    ]

    private let settings: HTTPReranker.Settings?

    init(_ reader: inout SettingsReader) {
        let text = reader.read(Self.url)
        let shape = HTTPReranker.Shape(rawValue: reader.read(Self.api)) ?? .tei
        let (model, key) = (reader.read(Self.model), reader.read(Self.key))
        let candidates = reader.read(Self.candidates)
        guard !text.isEmpty else {
            settings = nil
            return
        }
        guard let endpoint = Endpoint(text) else {
            reader.problem(
                "RERANK_URL is no address such as https://host:port/path: \"\(SettingsReader.withoutPassword(text))\""
            )
            settings = nil
            return
        }
        if shape == .cohere, model.isEmpty, endpoint.host.hasSuffix("cohere.com") {
            reader.problem("RERANK_MODEL is missing: Cohere needs one")
        }
        settings = HTTPReranker.Settings(
            endpoint: endpoint,
            shape: shape,
            model: model,
            key: key,
            candidates: candidates
        )
    }

    /// Nil where none is set.
    func reranker(_ services: Services) -> HTTPReranker? {
        settings.map {
            let retrying = Retrying(time: services.time, observe: services.metrics.observer("reranker"))
            return HTTPReranker($0, http: services.http, retrying: retrying)
        }
    }
}
