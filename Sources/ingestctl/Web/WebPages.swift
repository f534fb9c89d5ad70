import IngestCore
import Resilience
import TextCoding

/// The pages of `ingestctl serve`: which path is which.
struct WebPages: Sendable {
    let context: CommandContext
    let pipeline: PipelineRecord
    let embedder: OpenAIEmbedder
    let history: FleetHistory
    let price: EmbeddingPrice?

    enum Section: String, CaseIterable {
        case search = "Search"
        case documents = "Documents"
        case fleet = "Fleet"

        var path: String {
            switch self {
            case .search: "/"
            case .documents: "/documents"
            case .fleet: "/fleet"
            }
        }
    }

    func respond(_ request: WebRequest) async -> WebResponse {
        do {
            switch request.path {
            case "/": return WebResponse(page: page("Search", .search, try await SearchPage(self).content(request)))
            case "/documents":
                return WebResponse(page: page("Documents", .documents, try await DocumentsPage(self).content(request)))
            case "/document":
                let content = try await DocumentPage(self).content(request)
                return WebResponse(page: page(content.title, .documents, content.body))
            case "/fleet": return WebResponse(page: page("Fleet", .fleet, FleetPage(self).content(history.all)))
            case "/style.css": return WebResponse(style: StyleSheet.text)
            default: return problem(404, "There is no such page.")
            }
        } catch {
            return problem(503, Failure(error).summary)
        }
    }

    private func problem(_ status: Int, _ text: String) -> WebResponse {
        WebResponse(
            page: page("Not possible", nil, "<h1>Not possible</h1><p class=\"warn\" role=\"alert\">\(text)</p>"),
            status: status
        )
    }

    private func page(_ title: String, _ section: Section?, _ body: HTML) -> HTML {
        let links = Section.allCases.map { each -> HTML in
            let current: HTML = each == section ? " aria-current=\"page\"" : ""
            return "<li><a href=\"\(each.path)\"\(current)>\(each.rawValue)</a></li>"
        }
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title) · \(pipeline.alias)</title><link rel="stylesheet" href="/style.css"></head>
            <body><a class="skip" href="#content">Skip to the content</a>
            <header><p>\(pipeline.alias) <bdi>\(pipeline.fingerprint)</bdi></p><nav aria-label="Pages"><ul>\(links)</ul></nav></header>
            <main id="content" tabindex="-1">\(body)</main></body></html>
            """
    }

    static func link(_ object: ObjectReference, _ anchor: String = "") -> String {
        WebRequest.address("/document", [("bucket", object.bucket), ("key", object.key)]) + anchor
    }
}
