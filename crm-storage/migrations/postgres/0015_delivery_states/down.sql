DROP INDEX webhook_deliveries_state;
-- Programs of before know no cancelled ones.
UPDATE webhook_deliveries SET state = 'failed', data = replace(data, '"state":"cancelled"', '"state":"failed"')
    WHERE state = 'cancelled';
