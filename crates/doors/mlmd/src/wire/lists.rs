//! The options of a list.

use crate::domain::filter::mlmd;
use crate::domain::graph::ListOptions;
use crate::domain::{Error, NodeKind, Order, OrderBy, PageToken, Result};
use crate::pb::{self, list_operation_options::order_by_field::Field};

/// The page of nodes of that kind.
///
/// Errors: InvalidArgument for an order that does not exist, a token that is none, and a filter that cannot be read.
pub(crate) fn parse_options(kind: NodeKind, sent: &pb::ListOperationOptions) -> Result<ListOptions> {
    let token = sent.next_page_token.as_deref().filter(|token| !token.is_empty());
    Ok(ListOptions {
        size: sent.max_result_size(),
        order: read_order(sent.order_by_field.unwrap_or_default())?,
        token: token.map(PageToken::decode).transpose()?,
        filter: sent.filter_query.as_deref().map_or(Ok(None), |text| mlmd::parse(kind, text))?,
    })
}

fn read_order(sent: pb::list_operation_options::OrderByField) -> Result<Order> {
    const FIELD: &str = "order_by_field.field";
    let by = match sent.field.map(Field::try_from) {
        None | Some(Ok(Field::Id)) => OrderBy::Id,
        Some(Ok(Field::CreateTime)) => OrderBy::CreateTime,
        Some(Ok(Field::LastUpdateTime)) => OrderBy::UpdateTime,
        Some(Ok(Field::Unspecified)) => return Err(Error::invalid(FIELD, "no field to order by is specified")),
        Some(Err(unknown)) => return Err(Error::invalid(FIELD, format!("`{FIELD}` has no value `{}`", unknown.0))),
    };
    Ok(Order { by, descending: !sent.is_asc() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::list_operation_options::OrderByField;

    fn options() -> pb::ListOperationOptions {
        pb::ListOperationOptions::default()
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let read = parse_options(NodeKind::Artifact, &options()).unwrap();
        assert_eq!((read.size, read.order, read.token, read.filter), (20, Order::default(), None, None));
        let empty = pb::ListOperationOptions {
            next_page_token: Some(String::new()),
            filter_query: Some(String::new()),
            order_by_field: Some(OrderByField::default()),
            ..options()
        };
        assert_eq!(parse_options(NodeKind::Artifact, &empty).unwrap().order, Order::default());
    }

    #[test]
    fn an_order_must_exist() {
        let order = |field| OrderByField { field: Some(field), is_asc: Some(false) };
        assert_eq!(read_order(order(1)).unwrap(), Order { by: OrderBy::CreateTime, descending: true });
        assert_eq!(read_order(order(2)).unwrap().by, OrderBy::UpdateTime);
        for field in [0, 4, -1] {
            assert_eq!(read_order(order(field)).unwrap_err().field(), Some("order_by_field.field"));
        }
    }

    #[test]
    fn a_token_must_be_one() {
        let broken = pb::ListOperationOptions { next_page_token: Some("abc!".to_owned()), ..options() };
        assert!(parse_options(NodeKind::Context, &broken).is_err());
    }
}
