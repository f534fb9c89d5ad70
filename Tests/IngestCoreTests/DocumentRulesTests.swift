import IngestCore
import Testing

@Suite struct DocumentRulesTests {
    private func tenant(_ rules: String, _ bucket: String, _ key: String) throws -> String? {
        try DocumentRules(parsing: rules, tenant: "house").tenant(of: ObjectReference(bucket: bucket, key: key))
    }

    @Test func withoutRulesEverythingIsADocument() throws {
        #expect(try tenant("", "any", "thing") == "house")
    }

    @Test func whatNoRuleIncludesIsNoDocumentOnceOneDoes() throws {
        let rules = "s3://docs/public/, s3://papers=library"
        #expect(try tenant(rules, "docs", "public/a.pdf") == "house")
        #expect(try tenant(rules, "docs", "private/a.pdf") == nil)
        #expect(try tenant(rules, "papers", "x") == "library")
        #expect(try tenant(rules, "papers-old", "x") == nil)
    }

    @Test func theLastRuleThatFitsDecides() throws {
        let rules = "!s3://*/*.tmp  !s3://docs/drafts/  s3://docs/drafts/final*"
        #expect(try tenant(rules, "docs", "a.pdf") == nil, "one rule includes, so the rest is left out")
        #expect(try tenant(rules, "docs", "drafts/final.pdf") == "house")
        #expect(try tenant("!s3://*/*.tmp !s3://docs/drafts/", "docs", "a.pdf") == "house")
        #expect(try tenant("!s3://*/*.tmp !s3://docs/drafts/", "docs", "x/a.tmp") == nil)
        #expect(try tenant("!s3://*/*.tmp !s3://docs/drafts/", "docs", "drafts/b") == nil)
    }

    @Test func starsStandForAnythingAndEncodedOnesForThemselves() throws {
        #expect(try tenant("s3://team-*/docs/*/final/*.pdf=t", "team-7", "docs/a/b/final/c.pdf") == "t")
        #expect(try tenant("s3://team-*/docs/*/final/*.pdf=t", "team-7", "docs/a/b/final/c.pdf.bak") == nil)
        #expect(try tenant("s3://b/100%25%20%2A", "b", "100% *stars") == "house")
        #expect(try tenant("s3://b/100%25%20%2A", "b", "100% stars") == nil)
        #expect(try tenant("s3://b/ü%2Cx%3D", "b", "ü,x=1") == "house")
        let long = String(repeating: "a", count: 1024)
        #expect(try tenant("s3://b/*a*a*a*a*a*a*a*a*b", "b", long) == nil, "and ends soon")
    }

    @Test(arguments: ["docs/", "s3://", "s3:///x", "s3://b=", "s3://b=no/slash", "!s3://b/x=tenant", "s3://b/%FF"])
    func mistakesAreNamed(_ rule: String) {
        #expect(throws: DocumentRules.Problem.self) { try DocumentRules(parsing: rule, tenant: "house") }
    }

    @Test func tenantsAreGroupsOfQueuesToo() {
        #expect(DocumentRules.isTenant("team-7.eu_1") && DocumentRules.isTenant(String(repeating: "x", count: 64)))
        #expect(!DocumentRules.isTenant("") && !DocumentRules.isTenant("a b") && !DocumentRules.isTenant("ü"))
        #expect(!DocumentRules.isTenant(String(repeating: "x", count: 65)))
    }
}
