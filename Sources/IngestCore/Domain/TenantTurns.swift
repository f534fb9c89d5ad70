/// Whose turn it is where tenants share lanes: the next is of the tenant that has the fewest at work, and among those of the one that was served
/// the longest time ago. A tenant has all lanes but one at most, so that another finds one free.
///
/// The owner synchronizes. Times are uptimes.
struct TenantTurns {
    private struct Tenant {
        var running = 0
        /// The place of its last turn in the order of all turns.
        var lastTurn = 0
        var isBusyUntil = Duration.zero
    }

    /// How many are at work, of all tenants.
    private(set) var running = 0
    let lanesOfOne: Int
    private var tenants: [String: Tenant] = [:]
    private var turns = 0
    /// Names of tenants come with messages: of those that do nothing now, only those of so many turns are kept.
    private static let memory = 1000
    /// How long a tenant is busy after a document of it has waited in vain.
    private static let busyTime = Duration.seconds(30)

    init(lanes: Int) { lanesOfOne = max(1, lanes - 1) }

    func hasLane(_ tenant: String) -> Bool { tenants[tenant]?.running ?? 0 < lanesOfOne }

    /// The place of the one whose turn it is; nil where none may begin.
    ///
    /// - Parameter mayBegin: what else has to hold, apart from a lane for the tenant.
    func next<Waiting>(among line: [Waiting], tenant: (Waiting) -> String, mayBegin: (Waiting) -> Bool) -> Int? {
        var best: (place: Int, tenant: Tenant)?
        for (place, waiting) in line.enumerated() {
            let found = tenants[tenant(waiting)] ?? Tenant()
            guard found.running < lanesOfOne, mayBegin(waiting) else { continue }
            if let best, (best.tenant.running, best.tenant.lastTurn) <= (found.running, found.lastTurn) { continue }
            best = (place, found)
        }
        return best?.place
    }

    mutating func begin(_ tenant: String) {
        turns += 1
        running += 1
        tenants[tenant, default: Tenant()].running += 1
        tenants[tenant]?.lastTurn = turns
    }

    mutating func end(_ tenant: String, now: Duration) {
        running -= 1
        tenants[tenant]?.running -= 1
        let oldest = turns - Self.memory
        tenants = tenants.filter { $0.value.running > 0 || $0.value.lastTurn > oldest || $0.value.isBusyUntil > now }
    }

    /// A document of the tenant has waited in vain: for some time its others need not.
    mutating func setBusy(_ tenant: String, now: Duration) {
        tenants[tenant, default: Tenant()].isBusyUntil = now + Self.busyTime
    }

    func isBusy(_ tenant: String, now: Duration) -> Bool { tenants[tenant]?.isBusyUntil ?? .zero > now }
}
