import DocumentExtraction
import ExtractionWire
import Testing

/// What belongs to a page's content, and what does not.
@Suite struct WebPageTests {
    private func parts(_ body: String) throws -> [String] {
        let bytes = Array("<!DOCTYPE html><html><head><title>t</title></head><body>\(body)</body></html>".utf8)
        let document = try bytes.withUnsafeBytes {
            try DocumentReader.read($0, hints: .init(name: "a.html"), limits: .init())
        }
        return document.blocks.map { String(decoding: document.text[$0.start..<$0.end], as: UTF8.self) }
    }

    private static let prose = String(
        repeating: "The harbour office keeps a register of every vessel that enters. ",
        count: 4
    )
    .dropLast()
    private static let slugs = [
        ("sharing-and-permissions", "Sharing and permissions"), ("pagination", "Pagination"),
        ("menu-options", "Menu options"),
        ("related-work", "Related work"), ("navigation", "Navigation"), ("cookies", "Cookies"), ("footer-1", "Footer"),
    ]

    /// Sphinx, Docusaurus and MkDocs make ids of headings.
    @Test(arguments: [true, false])
    func sectionsWhoseIdsAreSlugsOfTheirHeadingsStay(_ isInMain: Bool) throws {
        let sections = Self.slugs.map { "<section id=\"\($0.0)\"><h2>\($0.1)</h2><p>About \($0.1).</p></section>" }
            .joined()
        let found = try parts(
            "\(isInMain ? "<main>" : "")<h1>Guide</h1><p>\(Self.prose)</p>\(sections)\(isInMain ? "</main>" : "")"
        )
        #expect(found == ["Guide", "\(Self.prose)"] + Self.slugs.flatMap { [$0.1, "About \($0.1)."] })
    }

    @Test(arguments: [
        "<div id=\"sidebar\"><h3>More</h3><p>aside</p></div>", "<nav><p>aside</p></nav>",
        "<div class=\"cookie-banner\"><p>aside</p></div>",
        "<div class=\"site-footer\"><p>aside</p></div>", "<ul class=\"share-buttons\"><li>aside</li></ul>",
        "<div role=\"navigation\"><p>aside</p></div>", "<div id=\"related-posts\"><h2>Related</h2><p>aside</p></div>",
        "<div class=\"newsletter-signup box\"><p>aside</p></div>", "<div class=\"x ads\"><p>aside</p></div>",
        "<h2>Kept<a class=\"headerlink\" href=\"#k\">aside</a></h2>", "<p>Kept<button>aside</button></p>",
    ])
    func whatIsAroundTheContentGoes(_ around: String) throws {
        let found = try parts("<h1>Guide</h1><p>\(Self.prose)</p>\(around)")
        #expect(found.first == "Guide" && !found.joined().contains("aside"), "\(found)")
    }

    @Test(arguments: [
        "<div class=\"cookie-policy\"><h2>Cookies</h2><p>stays</p></div>",
        "<div class=\"disclaimer\"><p>stays</p></div>",
        "<section class=\"shared-ownership\"><p>stays</p></section>", "<div class=\"has-sidebar\"><p>stays</p></div>",
        "<h3><button aria-expanded=\"false\">stays</button></h3>", "<h2><span><button>stays</button></span></h2>",
        "<h2><a class=\"header-anchor\" href=\"#s\"><span>stays</span></a></h2>",
        "<h2><a class=\"header-anchor\" href=\"#s\">#</a> stays</h2>",
        "<div><button aria-expanded=\"true\">stays</button><div><p>answer</p></div></div>",
    ])
    func contentWithSuchAWordStays(_ content: String) throws {
        #expect(try parts("<h1>Guide</h1><p>\(Self.prose)</p>\(content)").contains("stays"))
    }

    /// Some sites mark an introduction as the main part.
    @Test func muchBesideTheMainPartStays() throws {
        let rest = String(repeating: "The dredger works at the north berth from May until July. ", count: 12).dropLast()
        let page = "<header><p>Site</p></header><main><h1>Notice</h1><p>\(Self.prose)</p></main>"
        #expect(
            try parts("\(page)<div class=\"body\"><h2>Schedule</h2><p>\(rest)</p></div>").suffix(2) == [
                "Schedule", "\(rest)",
            ]
        )
        #expect(try parts("\(page)<div><p>Imprint</p></div>") == ["Notice", "\(Self.prose)"])
    }
}
