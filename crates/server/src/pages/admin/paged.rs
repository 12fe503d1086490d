//! One page of a table, and the plain links to the others.

/// Addresses, and what they are called.
pub(crate) type Links = Vec<(String, &'static str)>;

/// One page of a table.
#[derive(Clone, Debug)]
pub(crate) struct Paged<T> {
    pub(crate) rows: Vec<T>,
    /// The cursor that this page was asked for by; empty at the beginning.
    pub(crate) behind: String,
    /// That of the next one, where more follows.
    pub(crate) next: Option<String>,
}

impl<T> Paged<T> {
    /// Of rows of which one more than a page holds tells that more follow.
    pub(crate) fn cut(
        mut rows: Vec<T>,
        behind: &str,
        page: usize,
        cursor: impl Fn(&T) -> String,
    ) -> Self {
        let has_more = rows.len() > page;
        rows.truncate(page);
        let next = rows.last().filter(|_| has_more).map(cursor);
        Self { rows, behind: behind.to_owned(), next }
    }

    /// The same page with each row as it is shown.
    pub(crate) fn shown<U>(self, show: impl FnMut(T) -> U) -> Paged<U> {
        let rows = self.rows.into_iter().map(show).collect();
        Paged { rows, behind: self.behind, next: self.next }
    }

    /// Empty, and not because it is beyond the end.
    pub(super) fn is_bare(&self) -> bool {
        self.rows.is_empty() && self.behind.is_empty()
    }

    /// The links below it: back to the beginning, and onward. `href` makes an address of a cursor.
    pub(super) fn links(
        &self,
        (first, next): (&'static str, &'static str),
        href: impl Fn(&str) -> String,
    ) -> Links {
        let first = (!self.behind.is_empty()).then(|| (href(""), first));
        let next = self.next.as_ref().map(|cursor| (href(cursor), next));
        first.into_iter().chain(next).collect()
    }
}
