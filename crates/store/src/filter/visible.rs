//! What a transaction sees, as a condition on nodes.

use std::fmt::Display;

use super::{Filter, Part};
use crate::Tx;
use modelport_domain::NodeId;
use modelport_domain::access::{Access, Visible, WorkspaceId, Workspaces};

/// More ids than this are written into the text, because a statement takes only so many values; and the text is then not kept.
const MAX_BOUND: usize = 16;

impl Tx<'_> {
    /// The condition that a node is visible, which is called `node` in the statement; `None` where every node is.
    pub(crate) fn visible(&self, node: &str) -> Option<Filter> {
        Filter::visible_to(&self.access, node)
    }

    /// The condition that the node is visible whose id a column has; `None` where every node is.
    pub(crate) fn visible_by_id(&self, column: &str) -> Option<Filter> {
        self.visible_where(|filter| filter.sql(column))
    }

    /// The condition that the node of that id is visible; `None` where every node is.
    pub(crate) fn sees(&self, id: NodeId) -> Option<Filter> {
        self.visible_where(|filter| filter.parts.push(Part::Int(id.0)))
    }

    fn visible_where(&self, write_id: impl FnOnce(&mut Filter)) -> Option<Filter> {
        let visible = self.visible("seen")?;
        let mut filter = Filter { is_prepared: visible.is_prepared, ..Filter::default() };
        filter.sql("EXISTS (SELECT 1 FROM nodes AS seen WHERE seen.id = ");
        write_id(&mut filter);
        filter.sql(" AND ");
        filter.append(&visible);
        filter.sql(")");
        Some(filter)
    }

    /// The condition as text, for statements that are made of text: ids need no binding.
    pub(crate) fn visible_sql(&self, node: &str) -> Option<String> {
        self.visible(node).map(|filter| filter.to_sql())
    }

    /// The same for lists, which are those of one workspace.
    pub(crate) fn listed(&self, node: &str) -> Option<Filter> {
        Filter::visible(&self.access, node, self.access.listed(), true)
    }

    /// The same as text.
    pub(crate) fn listed_sql(&self, node: &str) -> Option<String> {
        self.listed(node).map(|filter| filter.to_sql())
    }

    /// The workspace of the request, where nothing in it is hidden.
    pub fn whole_workspace(&self) -> Option<WorkspaceId> {
        let workspace = self.access.workspace();
        let is_whole = self.access.visible().is_all_of(&Workspaces::These([workspace].into()));
        is_whole.then_some(workspace)
    }
}

impl Filter {
    /// The condition that a node is visible, wherever it is.
    pub(super) fn visible_to(access: &Access, node: &str) -> Option<Self> {
        Self::visible(access, node, access.confinement(), false)
    }

    /// The condition that a node is visible, and in that workspace where one is given; `is_list` is whether many nodes are looked for.
    fn visible(access: &Access, node: &str, only_in: Option<WorkspaceId>, is_list: bool) -> Option<Self> {
        let visible = access.visible();
        let among = only_in.map_or(Workspaces::All, |workspace| Workspaces::These([workspace].into()));
        let is_all = visible.is_all_of(&among);
        if is_all && only_in.is_none() {
            return None;
        }
        let mut filter = Self { is_prepared: true, ..Self::default() };
        filter.sql("(");
        if let Some(workspace) = only_in {
            filter.sql(&format!("{node}.workspace_id = "));
            filter.parts.push(Part::Int(workspace.0));
        } else {
            filter.sql("TRUE");
        }
        if !is_all {
            filter.limits(visible, node, only_in);
            filter.sql(" AND (");
            match only_in.filter(|workspace| !visible.whole.has(*workspace) && !visible.open.has(*workspace)) {
                Some(workspace) if is_list => filter.single_roots(visible, node, workspace),
                _ => filter.grants(visible, node, only_in),
            }
            filter.sql(")");
        }
        filter.sql(")");
        Some(filter)
    }

    /// The filter as text. It has numbers of ours and no values of clients.
    pub(crate) fn to_sql(&self) -> String {
        let part = |part: &Part| match part {
            Part::Sql(sql) => sql.clone(),
            Part::Int(number) => number.to_string(),
            Part::Double(_) | Part::Text(_) => "NULL".to_owned(),
        };
        self.parts.iter().map(part).collect()
    }

    /// What a token leaves.
    fn limits(&mut self, visible: &Visible, node: &str, only_in: Option<WorkspaceId>) {
        if !matches!(visible.within, Workspaces::All) {
            self.sql(" AND ");
            self.in_workspaces(&visible.within, node, only_in);
        }
        if let Some(roots) = &visible.below {
            self.sql(&format!(" AND {node}.root_id IN "));
            self.ids(roots.iter().map(|root| root.0));
        }
    }

    /// What bindings and ownership show.
    fn grants(&mut self, visible: &Visible, node: &str, only_in: Option<WorkspaceId>) {
        self.in_workspaces(&visible.whole, node, only_in);
        self.sql(" OR (");
        self.in_workspaces(&visible.open, node, only_in);
        if visible.any_restricted {
            self.sql(&format!(
                " AND {node}.root_id IS NOT NULL
                  AND NOT EXISTS (SELECT 1 FROM restricted_roots AS r WHERE r.root_id = {node}.root_id)"
            ));
        }
        self.sql(")");
        if !visible.roots.is_empty() {
            self.sql(&format!(" OR {node}.root_id IN "));
            self.ids(visible.roots.iter().map(|root| root.0));
        }
        if let Some((owner, ownerless)) = &visible.owned {
            self.sql(&format!(
                " OR EXISTS (SELECT 1 FROM nodes AS own WHERE own.id = {node}.root_id AND own.owner_id = "
            ));
            self.parts.push(Part::Int(owner.0));
            if !ownerless.is_empty() {
                self.sql(" AND own.workspace_id NOT IN ");
                self.ids(ownerless.iter().map(|workspace| workspace.0));
            }
            self.sql(")");
        }
    }

    /// What is shown of a workspace that is not shown as such: what has these roots there. The statement begins at them, or all of a large
    /// workspace would be looked through for the little that somebody sees. The `+` keeps SQLite from looking for them by the workspace.
    fn single_roots(&mut self, visible: &Visible, node: &str, workspace: WorkspaceId) {
        let owner =
            visible.owned.as_ref().filter(|(_, ownerless)| !ownerless.contains(&workspace)).map(|(owner, _)| owner);
        if owner.is_none() && visible.roots.is_empty() {
            return self.sql("FALSE");
        }
        self.sql(&format!("{node}.root_id IN ("));
        if let Some(owner) = owner {
            self.sql("SELECT own.id FROM nodes AS own WHERE own.owner_id = ");
            self.parts.push(Part::Int(owner.0));
            self.sql(" AND +own.workspace_id = ");
            self.parts.push(Part::Int(workspace.0));
        }
        if !visible.roots.is_empty() {
            self.sql(if owner.is_some() { " UNION ALL " } else { "" });
            self.sql("SELECT bound.id FROM nodes AS bound WHERE bound.id IN ");
            self.ids(visible.roots.iter().map(|root| root.0));
            self.sql(" AND +bound.workspace_id = ");
            self.parts.push(Part::Int(workspace.0));
        }
        self.sql(")");
    }

    /// Whether the node is in one of these workspaces; what is known of the one that it is in is said at once.
    fn in_workspaces(&mut self, workspaces: &Workspaces, node: &str, only_in: Option<WorkspaceId>) {
        match (workspaces, only_in) {
            (Workspaces::All, _) => self.sql("TRUE"),
            (these, Some(workspace)) => self.sql(if these.has(workspace) { "TRUE" } else { "FALSE" }),
            (Workspaces::These(these), None) if these.is_empty() => self.sql("FALSE"),
            (Workspaces::These(these), None) => {
                self.sql(&format!("{node}.workspace_id IN "));
                self.ids(these.iter().map(|workspace| workspace.0));
            }
        }
    }

    /// A list of ids in parentheses; that of no ids has one that nothing has.
    fn ids(&mut self, ids: impl ExactSizeIterator<Item = i64> + Clone) {
        if ids.len() > MAX_BOUND {
            self.is_prepared = false;
            self.sql(&format!("({})", list(ids)));
            return;
        }
        self.sql("(");
        for (at, id) in ids.clone().enumerate() {
            self.sql(if at > 0 { ", " } else { "" });
            self.parts.push(Part::Int(id));
        }
        self.sql(if ids.len() == 0 { "-1)" } else { ")" });
    }
}

fn list(ids: impl Iterator<Item = impl Display>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(", ")
}

/// Narrows a boxed query to what a condition of [`Tx::visible_by_id`] or the like shows.
macro_rules! narrow {
    ($query:ident, $condition:expr) => {
        if let Some(visible) = $condition {
            $query = $query.filter(visible);
        }
    };
}
pub(crate) use narrow;

/// Does `$use` with a query on nodes, narrowed to what the transaction sees. Where that is everything, the statement is another,
/// whose text never changes.
macro_rules! seen {
    ($tx:expr, $query:expr, $seen:ident => $use:expr) => {
        match ($tx.visible("nodes"), $query) {
            (None, $seen) => $use,
            (Some(visible), query) => {
                let $seen = query.filter(visible);
                $use
            }
        }
    };
}
pub(crate) use seen;
