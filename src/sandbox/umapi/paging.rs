//! The pages of a listing, and the headers that describe them.

use axum::http::{HeaderMap, HeaderValue};

/// A listing of which some places may be taken by accounts that are never listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing {
    /// Entries that are listed.
    pub(super) listed: usize,
    /// Places taken by accounts that are not.
    pub(super) hidden: usize,
    /// The first of those places.
    pub(super) hidden_from: usize,
    /// Places on a page.
    pub(super) page_size: usize,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// The returned page: the requested one, or the last.
    pub(super) number: u64,
    /// Whether none comes after it.
    pub(super) last: bool,
    /// Which of the listed entries are on it.
    pub(super) entries: std::ops::Range<usize>,
    /// Entries listed and not listed, on all pages.
    total: usize,
    count: u64,
}

impl Listing {
    /// A listing without hidden places.
    pub(super) fn plain(listed: usize, page_size: usize) -> Self {
        Self { listed, hidden: 0, hidden_from: 0, page_size }
    }

    /// The requested page; past the end it is the last page again.
    pub(super) fn page(&self, asked: u64) -> Page {
        let total = self.listed + self.hidden;
        let pages = total.div_ceil(self.page_size).max(1);
        let index = usize::try_from(asked).unwrap_or(usize::MAX).min(pages - 1);
        let places = index * self.page_size..((index + 1) * self.page_size).min(total);
        Page {
            number: index as u64,
            last: index + 1 == pages,
            entries: self.listed_before(places.start)..self.listed_before(places.end),
            total,
            count: pages as u64,
        }
    }

    /// How many listed entries stand before a place.
    fn listed_before(&self, place: usize) -> usize {
        let from = self.hidden_from.min(self.listed);
        place - place.saturating_sub(from).min(self.hidden)
    }
}

impl Page {
    /// Writes the headers that production attaches to users; the groups listing carries none.
    pub(super) fn describe(&self, headers: &mut HeaderMap) {
        // Adobe's sync tool divides by the size, so that production never sends 0.
        let size = self.entries.len().max(1) as u64;
        let values = [
            ("x-total-count", self.total as u64),
            ("x-page-count", self.count),
            ("x-current-page", self.number),
            ("x-page-size", size),
        ];
        for (name, value) in values {
            headers.insert(name, HeaderValue::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listing: Listing, pages: &[(u64, std::ops::Range<usize>, bool)]) {
        for (asked, entries, last) in pages {
            let page = listing.page(*asked);
            assert_eq!((&page.entries, page.last), (entries, *last), "page {asked} of {listing:?}");
        }
    }

    #[test]
    fn a_page_past_the_end_is_the_last_page_again() {
        check(Listing::plain(5, 2), &[(0, 0..2, false), (1, 2..4, false), (2, 4..5, true), (7, 4..5, true)]);
        check(Listing::plain(4, 2), &[(1, 2..4, true), (u64::MAX, 2..4, true)]);
    }

    #[test]
    fn an_empty_listing_has_one_empty_page() {
        check(Listing::plain(0, 2), &[(0, 0..0, true), (1, 0..0, true)]);
    }

    #[test]
    fn hidden_accounts_take_places_wherever_they_stand() {
        let hidden = |hidden_from| Listing { listed: 4, hidden: 2, hidden_from, page_size: 2 };
        check(hidden(0), &[(0, 0..0, false), (1, 0..2, false), (2, 2..4, true)]);
        check(hidden(2), &[(0, 0..2, false), (1, 2..2, false), (2, 2..4, true)]);
        check(hidden(3), &[(0, 0..2, false), (1, 2..3, false), (2, 3..4, true)]);
        check(hidden(99), &[(0, 0..2, false), (1, 2..4, false), (2, 4..4, true)]);
    }

    #[test]
    fn hidden_accounts_are_counted_and_an_empty_page_has_size_one() {
        let mut headers = HeaderMap::new();
        Listing { listed: 4, hidden: 2, hidden_from: 0, page_size: 2 }.page(0).describe(&mut headers);
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        assert_eq!(header("x-total-count").as_deref(), Some("6"));
        assert_eq!(header("x-page-count").as_deref(), Some("3"));
        assert_eq!(header("x-page-size").as_deref(), Some("1"));
    }
}
