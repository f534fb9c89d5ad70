/// An ordered stream that is read a page at a time.
struct PageCursor<Item, Place> {
    private var items: ArraySlice<Item> = []
    private var place: Place?
    private var isLast = false
    private let load: (Place?) async throws -> (items: [Item], last: Place?)

    /// - Parameter load: the page after a place, and where it ends; nil for the last page.
    init(_ load: @escaping (Place?) async throws -> (items: [Item], last: Place?)) { self.load = load }

    /// The next item, which stays.
    mutating func head() async throws -> Item? {
        while items.isEmpty, !isLast {
            let page = try await load(place)
            (items, place) = (page.items[...], page.last)
            isLast = page.last == nil
        }
        return items.first
    }

    /// The next item where it is one of these.
    mutating func pop(where belongs: (Item) -> Bool) async throws -> Item? {
        guard let first = try await head(), belongs(first) else { return nil }
        items.removeFirst()
        return first
    }
}
