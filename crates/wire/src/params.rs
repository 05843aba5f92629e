//! Query parameters.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::NumberText;
use crate::schema::OrderStatusName;

/// Which of your orders.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderParams {
    /// `buyer` (default) or `seller`: whose side you are on.
    pub role: Option<String>,
    /// Only orders in this status, such as `ESCROW_FUNDED`.
    #[param(value_type = Option<OrderStatusName>)]
    pub status: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Orders on a page, 1 to 1,000; 100 when absent.
    #[param(value_type = Option<u32>)]
    pub limit: Option<NumberText>,
    /// Only orders that are newer than this one.
    pub newer_than: Option<String>,
    /// Seconds to wait for an order when there is none, 0 to 30.
    #[param(value_type = Option<u32>)]
    pub wait: Option<NumberText>,
}

/// Which of all orders.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AllOrderParams {
    /// Only orders in this status, such as `ESCROW_FUNDED`.
    #[param(value_type = Option<OrderStatusName>)]
    pub status: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Orders on a page, 1 to 1,000; 100 when absent.
    #[param(value_type = Option<u32>)]
    pub limit: Option<NumberText>,
}

/// Which part of a statement.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntryParams {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Lines on a page, 1 to 1,000; 100 when absent.
    #[param(value_type = Option<u32>)]
    pub limit: Option<NumberText>,
}

/// The amount that a fee is asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WithdrawalFeeParams {
    /// In AVT; 1 when absent.
    #[param(value_type = Option<String>)]
    pub amount: Option<NumberText>,
}

/// In which form a delivery is fetched.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryParams {
    /// When present: what is known of the delivery, as JSON.
    pub meta: Option<String>,
}
