//! A condition on a list of texts, as models have of languages and tasks.

use super::Filter;
use modelport_domain::ValueKind;
use modelport_domain::filter::{Comparison, Condition, Operand};

impl Filter {
    /// A condition on the items of a list of texts.
    pub(super) fn items(&mut self, condition: &Condition) {
        self.is_of(ValueKind::Struct);
        match condition {
            Condition::Compare(Comparison::Equal, Operand::Text(item)) => self.has_item(item),
            Condition::Compare(Comparison::NotEqual, Operand::Text(item)) => {
                self.sql("NOT ");
                self.has_item(item);
            }
            Condition::In(items) => {
                self.sql("(FALSE");
                for item in items {
                    if let Operand::Text(item) = item {
                        self.sql(" OR ");
                        self.has_item(item);
                    }
                }
                self.sql(")");
            }
            // No dialect lets these through: a list has no order, and is no text.
            _ => self.sql("FALSE"),
        }
    }

    /// Whether a list, which is stored as compact JSON, has the item: a quote after a bracket or a comma opens one.
    ///
    /// Or it closes one that ends with a comma; after that quote there is a comma or the end, so that only the item `,`
    /// could be found where it is not.
    fn has_item(&mut self, item: &str) {
        let item = serde_json::Value::from(item).to_string();
        let item = item.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        self.sql("(p.text_value LIKE ");
        self.text(&format!("[{item}%"));
        self.sql(" ESCAPE '\\' OR p.text_value LIKE ");
        self.text(&format!("%,{item}%"));
        self.sql(" ESCAPE '\\')");
    }
}
