/// What an HTML element means to a reader of text.
struct HTMLElement {
    enum Role {
        /// Stands inside a line.
        case inline
        /// Ends what came before and begins a paragraph.
        case block
        case heading(UInt8)
        case listItem
        case row
        case cell
        case preformatted
        case lineBreak
        case link
        case title
        case metadata
        case root
        /// No text for readers: scripts, styles, controls.
        case skipped
    }

    var role: Role
    /// The element itself says that it is no part of what the page is about.
    var isBoilerplate = false
    /// The element itself says that it is what the page is about.
    var isMain = false
    /// Holds blocks: its class and id say what for.
    var isContainer = false

    init(_ name: String) {
        role =
            switch name {
            case "script", "style", "template", "noscript", "svg", "math", "iframe", "object", "select", "textarea",
                "button":
                .skipped
            case "h1", "h2", "h3", "h4", "h5", "h6": .heading(name.utf8.last! - 0x30)
            case "li", "dt", "dd": .listItem
            case "tr": .row
            case "td", "th": .cell
            case "pre": .preformatted
            case "br", "hr": .lineBreak
            case "a": .link
            case "title": .title
            case "meta": .metadata
            case "html": .root
            case "p", "div", "ul", "ol", "dl", "table", "section", "article", "header", "footer", "nav", "body", "main",
                "aside", "figure",
                "figcaption", "form", "blockquote", "address", "caption", "details", "summary", "fieldset", "center":
                .block
            default: .inline
            }
        isBoilerplate = ["nav", "aside", "footer"].contains(name)
        isMain = name == "main"
        isContainer = [
            "div", "section", "ul", "ol", "table", "header", "form", "p", "td", "li", "article", "span", "dl",
        ].contains(name)
    }

    /// Words in classes, ids and roles that name what is around the content of pages.
    private static let boilerplate = WordSet(
        """
        nav navbar navigation menu menubar sidebar sidenav footer breadcrumb breadcrumbs cookie cookies advert advertisement ads social share sharing \
        pagination pager newsletter promo popup modal masthead navbox editsection catlinks noprint sphinxsidebar sphinxsidebarwrapper navheader \
        navfooter headerlink related skip contentinfo complementary toolbar subscribe disclaimer skiplink topbar
        """
    )
    /// "has-sidebar" and "with-nav" name what a wrapper of everything has inside.
    private static let wrappers = WordSet("has with no main page")
    private static let main = WordSet("main content main-content maincontent bodycontent mw-content-text article")
    private static let roleMain = WordSet.hash("main".utf8)

    /// What an element's role, id and class add.
    mutating func look(at attributes: MarkupAttributes) {
        attributes.forEach { name, value in
            switch name.count {
            case 2 where name.elementsEqual("id".utf8):
                if Self.main.contains(WordSet.hash(value)) {
                    isMain = true
                } else if Self.isBoilerplate(value) {
                    isBoilerplate = true
                }
            case 4 where name.elementsEqual("role".utf8):
                if WordSet.hash(value) == Self.roleMain {
                    isMain = true
                } else if Self.isBoilerplate(value) {
                    isBoilerplate = true
                }
            case 5 where name.elementsEqual("class".utf8): if Self.isBoilerplate(value) { isBoilerplate = true }
            case 6 where name.elementsEqual("hidden".utf8): isBoilerplate = true
            case 11 where name.elementsEqual("aria-hidden".utf8):
                if value.elementsEqual("true".utf8) { isBoilerplate = true }
            default: break
            }
        }
    }

    private static func isBoilerplate(_ names: UnsafeBufferPointer<UInt8>) -> Bool {
        var (hash, letters, isFirst, isWrapper) = (WordSet.Hash(), 0, true, false)
        func ends() -> Bool {
            defer { (hash, letters) = (WordSet.Hash(), 0) }
            guard letters > 0 else { return false }
            if isFirst, wrappers.contains(hash.value) { isWrapper = true }
            isFirst = false
            return !isWrapper && boilerplate.contains(hash.value)
        }
        for byte in names {
            if (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte >= 0x80 {
                hash.add(byte)
                letters += 1
            } else {
                if ends() { return true }
                if byte <= 0x20 { (isFirst, isWrapper) = (true, false) }
            }
        }
        return ends()
    }
}
