DROP TABLE deal_flows;
DROP TABLE deal_sums;
