import ExtractionWire

/// A chart of an office document (ECMA-376 part 1, §21.2), as a table: its title, a column of categories, and one of values for each series.
enum Chart {
    /// - Parameter part: which may be missing.
    static func append(_ part: String, _ archive: inout ZipArchive, to builder: inout TextBuilder) throws(Rejection) {
        let handler = ChartHandler()
        try archive.parse(part, handler)
        handler.append(to: &builder)
    }
}

/// A series: what it is called, and its values by their place.
private struct Series {
    var name = ""
    var categories: [Int: String] = [:]
    var values: [Int: String] = [:]
}

private final class ChartHandler: MarkupHandler {
    private enum Element: String {
        case title, series = "ser"
        case name = "tx"
        case categories = "cat"
        case horizontal = "xVal"
        case values = "val"
        case vertical = "yVal"
        case point = "pt"
        case value = "v"
        case text = "t"
        case other
    }

    private enum Part {
        case title, name, categories, values
    }

    private var titles: [String] = []
    private var series: [Series] = []
    private var names = NameTable { Element(rawValue: $0) ?? .other }
    private var isSeries = false
    private var part: Part?
    private var place = 0
    private var captured: [UInt8]?
    private var bytes = 0
    private static let mostSeries = 256
    private static let mostPoints = 10_000
    private static let mostBytes = 8 << 20

    var isDone: Bool { bytes > Self.mostBytes }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch names.meaning(of: name) {
        case .title:
            part = .title
            titles.append("")
        case .series where series.count < Self.mostSeries:
            isSeries = true
            series.append(Series())
        case .name where isSeries: part = .name
        case .categories, .horizontal: part = .categories
        case .values, .vertical: part = .values
        case .point: place = attributes["idx"].flatMap { Int($0) } ?? 0
        case .value, .text: if part != nil { captured = [] }
        default: break
        }
    }

    func end(_ name: MarkupName) {
        switch names.meaning(of: name) {
        case .series: isSeries = false
        case .title, .name, .categories, .horizontal, .values, .vertical: part = nil
        case .value, .text:
            if let captured { add(String(decoding: captured, as: UTF8.self)) }
            captured = nil
        default: break
        }
    }

    func characters(_ text: UnsafeBufferPointer<UInt8>) {
        guard captured != nil else { return }
        bytes += text.count
        captured!.append(contentsOf: text)
    }

    private func add(_ text: String) {
        let last = series.count - 1
        switch part {
        case .title: titles[titles.count - 1] += text
        case .name where last >= 0: series[last].name += text
        case .categories where last >= 0 && place < Self.mostPoints: series[last].categories[place] = text
        case .values where last >= 0 && place < Self.mostPoints: series[last].values[place] = text
        default: break
        }
    }

    func append(to builder: inout TextBuilder) {
        for title in titles where !title.isEmpty {
            builder.begin(.paragraph)
            builder.append(title)
        }
        let categories = series.reduce(into: [Int: String]()) { all, one in
            all.merge(one.categories) { first, _ in first }
        }
        let places = Set(categories.keys).union(series.flatMap(\.values.keys)).sorted()
        guard !places.isEmpty else { return builder.end() }
        if series.contains(where: { !$0.name.isEmpty }) { append([""] + series.map(\.name), to: &builder) }
        for place in places where !builder.isOverLimit {
            append([categories[place] ?? ""] + series.map { $0.values[place].map(shown) ?? "" }, to: &builder)
        }
    }

    /// Binary fractions are written with 17 digits.
    private func shown(_ value: String) -> String {
        value.utf8.count > 16 ? Double(value).map { "\($0)" } ?? value : value
    }

    private func append(_ cells: [String], to builder: inout TextBuilder) {
        builder.begin(.tableRow)
        for (place, cell) in cells.enumerated() {
            if place > 0 { builder.keepPlace() }
            builder.append(cell)
        }
        builder.end()
    }
}
